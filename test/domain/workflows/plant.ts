/** A site whose workflows run: the API, and a real runner of their jobs. */
import { silentLog } from '../../../src/base/log.ts';
import { type Context, inTransaction, type TenantContext } from '../../../src/db/context.ts';
import type { Database } from '../../../src/db/database.ts';
import type { Dialect } from '../../../src/db/dialect.ts';
import { workflowKinds } from '../../../src/domain/workflows/service.ts';
import { Runner } from '../../../src/jobs/runner.ts';
import type { Job } from '../../../src/queue/kind.ts';
import { type TestApp, testApp } from '../../support/app.ts';
import { unique } from '../../support/samples.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests read what they expect.
type Answered = any;

export interface Plant {
  app: TestApp;
  /** POST, and the body of the 201. */
  make(path: string, body?: object): Promise<Answered>;
  asset(body?: object): Promise<Answered>;
  define(steps: object[], more?: object): Promise<Answered>;
  execute(workflow: number, body?: object): Promise<{ status: number; body: Answered }>;
  read(path: string): Promise<Answered>;
  /** Runs of a workflow, oldest first. */
  runs(workflow: number): Promise<Answered[]>;
  /** Until no job is ready or under way. */
  settled(): Promise<void>;
  /** Does the work of a kind of job in a transaction of its own, without a row for it. */
  settle(kind: string, payload: object): Promise<void>;
  close(): Promise<void>;
}

export const maxDepth = 3;

export async function plantOn(dialect: Dialect): Promise<Plant> {
  const app = await testApp(dialect);
  const ctx = systemOf(app);
  const kinds = workflowKinds({ maxDepth });
  const runner = new Runner(
    ctx,
    app.database,
    { kinds, concurrency: 3, queues: ['workflows'] },
    async ({ tenant }) => ({
      ...ctx,
      tenant: [app.plant, app.other].find(({ id }) => id === tenant) ?? null,
    }),
  );
  await runner.start();
  const read = async (path: string) => {
    const { status, body } = await app.call('GET', path);
    if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  };
  const make = async (path: string, body: object = {}) => {
    const answer = await app.call('POST', path, { body });
    if (answer.status !== 201 && answer.status !== 202)
      throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  return {
    app,
    make,
    read,
    asset: (body = {}) => make('assets/', { asset_tag: unique('W'), name: 'Pump', ...body }),
    define: (steps, more = {}) =>
      make('workflow-definitions/', { name: unique('Flow'), trigger_type: 'manual', steps, ...more }),
    execute: (workflow, body = {}) => app.call('POST', `workflow-definitions/${workflow}/execute/`, { body }),
    runs: async (workflow) => (await read(`workflow-runs/?workflow=${workflow}&ordering=id`)).results,
    settled: () => settled(app.database),
    settle: (kind, payload) =>
      inTransaction({ ...ctx, tenant: app.plant } as TenantContext, async (tx) => {
        await kinds.find((one) => one.kind === kind)!.settle(tx, { payload } as Job, undefined);
      }),
    close: async () => {
      await runner.stop();
      await app.close();
    },
  };
}

const systemOf = (app: TestApp): Context => ({
  db: app.database,
  tenant: null,
  actor: { kind: 'system', id: null, label: 'jobs', role: 'admin', superuser: true },
  now: () => new Date(),
  log: silentLog,
});

async function settled(database: Database): Promise<void> {
  const sql = "SELECT COUNT(*) AS count FROM jobs WHERE state IN ('ready', 'active') AND queue = 'workflows'";
  for (const end = Date.now() + 20_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 10))) {
    const [row] = await database.query<{ count: number }>(sql);
    if (Number(row!.count) === 0) return;
  }
  throw new Error('The jobs of the workflows did not end.');
}

/** Every row of every table, as text. */
export async function contentOf(database: Database): Promise<Record<string, string[]>> {
  const listed = {
    sqlite: "SELECT name FROM sqlite_master WHERE type = 'table'",
    postgres:
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'",
    mysql:
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'",
  };
  const content: Record<string, string[]> = {};
  for (const { name } of await database.query<{ name: string }>(listed[database.dialect])) {
    // The runner's own signs of life.
    if (name === 'job_runners' || name === 'job_lanes') continue;
    const rows = await database.query(`SELECT * FROM ${name}`);
    content[name] = rows.map((row) => JSON.stringify(row)).sort();
  }
  return content;
}
