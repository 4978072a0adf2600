/** Every kind of job, whose runner dies at each point between claim and completion: its effect is there once all the same. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/base/config.ts';
import { type Context, inTransaction } from '../../src/db/context.ts';
import type { Dialect } from '../../src/db/dialect.ts';
import { Attempts } from '../../src/jobs/attempt.ts';
import { kinds } from '../../src/jobs/kinds.ts';
import { Workforce } from '../../src/jobs/workforce.ts';
import * as claims from '../../src/queue/claims.ts';
import * as jobs from '../../src/queue/jobs.ts';
import type { AnyKind, Job } from '../../src/queue/kind.ts';
import { claimLanes } from '../../src/queue/lane-claims.ts';
import * as leases from '../../src/queue/leases.ts';
import * as runners from '../../src/queue/runners.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { fixtures } from '../support/job-fixtures.ts';
import { PrintShop } from '../support/printing.ts';
import { until } from '../support/pty.ts';
import { testSite } from '../support/site.ts';
import { testVault } from '../support/vault.ts';
import { loopbackSender, Plant } from '../support/webhooks.ts';

const config = loadConfig({ dir: '/nowhere' }, {});
const every: string[] = kinds(config, loopbackSender()).map(({ kind }) => kind);

describe('the kinds of jobs', () => {
  it('each have a fixture in test/support/job-fixtures.ts, and no other has', () => {
    expect(Object.keys(fixtures).sort()).toEqual([...every].sort());
  });
});

onEveryDatabase('a job whose runners die', (dialect) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await benchOn(dialect);
  });
  afterEach(() => bench.clear());
  afterAll(() => bench.close());

  it.each(every)('%s: has its effect once, whenever they die', async (kind) => {
    const { effect, once, outside } = await fixtures[kind]!(bench);

    await bench.dies(kind, ({ attempts, job }) => attempts.perform(job), { aborted: true });
    const late = await bench.dies(
      kind,
      async ({ attempts, job }) => {
        const performed = await attempts.perform(job);
        return () => attempts.tell(performed);
      },
      { silently: true },
    );
    await bench.dies(kind, (claim) => bench.undone(claim));
    await bench.finish();

    expect(await late()).toBe('lost');
    expect(await effect()).toEqual(once);
    const seen = outside?.() ?? [];
    if (outside) expect(seen.length).toBeGreaterThan(0);
    // What came twice can be told by its id.
    for (const { id, content } of seen) expect(seen.find((first) => first.id === id)?.content).toBe(content);
  });
});

interface Claim {
  job: Job;
  kind: AnyKind;
  ctx: Context;
  attempts: Attempts;
}

interface Bench {
  plant: Plant;
  shop: PrintShop;
  /** A runner claims the one job of that kind, does `work`, and is gone; `silently`: its machine too, so that its lease must run out. */
  dies<T>(
    kind: string,
    work: (claim: Claim) => Promise<T>,
    how?: { aborted?: boolean; silently?: boolean },
  ): Promise<T>;
  /** Does all of it, and dies at the commit. */
  undone(claim: Claim): Promise<void>;
  /** A runner does what is left. */
  finish(): Promise<void>;
  clear(): Promise<void>;
  close(): Promise<void>;
}

async function benchOn(dialect: Dialect): Promise<Bench> {
  const site = await testSite(dialect);
  const folder = mkdtempSync(join(tmpdir(), 'assetra-jobs-'));
  const plant = new Plant(site, testVault(), folder);
  const shop = new PrintShop(site);
  const { database } = site;
  const sender = loopbackSender();
  const all = kinds(config, sender);
  const ctx: Context = {
    ...plant.ctx,
    tenant: null,
    actor: { kind: 'system', id: null, label: 'jobs', role: 'admin', superuser: true },
  };
  const contextOf = async ({ tenant }: Job): Promise<Context> =>
    tenant === null ? ctx : { ...ctx, tenant: site.plant };

  async function claimed(runner: number, kind: string): Promise<Job> {
    const self = { id: runner };
    await leases.sweep(database, self);
    const found = [...(await claims.claim(database, self, 50)), ...(await claimLanes(database, self, () => 50))];
    const [own, ...more] = found.filter((job) => job.kind === kind);
    expect(own, `a job of the kind ${kind}`).toBeDefined();
    expect(more).toEqual([]);
    // What one that died has caused already is for later.
    await leases.release(
      database,
      found.filter((job) => job !== own),
    );
    return own!;
  }

  const dies: Bench['dies'] = async (name, work, { aborted = false, silently = false } = {}) => {
    const runner = await runners.enter(database, 1, undefined);
    const job = await claimed(runner, name);
    const kind = all.find((one) => one.kind === name)!;
    const signal = aborted ? AbortSignal.abort() : new AbortController().signal;
    const done = await work({ job, kind, ctx: await contextOf(job), attempts: new Attempts(all, contextOf, signal) });
    if (silently) await database.execute("UPDATE jobs SET lease_until = 1 WHERE state = 'active'");
    else runners.desert(runner);
    return done;
  };

  const undone: Bench['undone'] = async ({ job, kind, ctx: own }) => {
    const result: unknown = await kind.perform?.(own, job, new AbortController().signal);
    const killed = inTransaction(own, async (tx) => {
      await kind.settle(tx, job, result);
      jobs.complete(tx, job);
      tx.db.beforeCommit(die, undefined);
    });
    await expect(killed).rejects.toThrow('killed');
  };

  const finish = async () => {
    const force = new Workforce(ctx, database, { kinds: all, schedules: async () => [], concurrency: 4 });
    await force.start();
    const idle = async () => {
      await plant.hurry();
      return (await database.query("SELECT id FROM jobs WHERE state <> 'done' LIMIT 1")).length === 0;
    };
    await until(idle, 'the jobs to be done', 20_000).finally(() => force.stop());
  };

  const clear = async () => {
    await shop.close();
    await plant.stop();
    for (const table of ['job_runners', 'workflow_runs', 'workflow_definitions', 'printers'])
      await database.execute(`DELETE FROM ${table}`);
  };
  const close = async () => {
    await sender.close();
    await site.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { plant, shop, dies, undone, finish, clear, close };
}

async function die(): Promise<void> {
  throw new Error('killed');
}
