/** A site for tests of jobs: adds them, lets real runners work on them, and sees what is left. */
import { type Context, inTransaction } from '../../src/db/context.ts';
import { Database, type Row } from '../../src/db/database.ts';
import type { Dialect } from '../../src/db/dialect.ts';
import { Runner, type RunnerSettings } from '../../src/jobs/runner.ts';
import * as jobs from '../../src/queue/jobs.ts';
import type { AnyKind } from '../../src/queue/kind.ts';
import * as lanes from '../../src/queue/lanes.ts';
import { type TestSite, testSite } from './site.ts';

export class JobBench {
  readonly site: TestSite;
  readonly ctx: Context;
  /** The same database as another process has it. */
  readonly elsewhere: Database;
  readonly #running: Runner[] = [];

  constructor(site: TestSite) {
    this.site = site;
    this.ctx = site.as('admin');
    this.elsewhere = new Database(site.databaseConfig);
  }

  static on = async (dialect: Dialect): Promise<JobBench> => new JobBench(await testSite(dialect));

  /** So many of the kind `test`, numbered from 1, due at once. */
  add = (count: number, more: Partial<jobs.NewJob> = {}): Promise<void> =>
    inTransaction(this.ctx, async (tx) => {
      for (let n = 1; n <= count; n += 1) jobs.add(tx, { kind: 'test', queue: 'system', payload: { n }, ...more });
    });

  lane = (settings: Partial<lanes.LaneSettings> = {}): Promise<number> =>
    inTransaction(this.ctx, (tx) => lanes.make(tx, 'webhooks', settings));

  run = async (
    kinds: AnyKind[],
    { database = this.site.database, ...settings }: Partial<RunnerSettings> & { database?: Database } = {},
  ): Promise<Runner> => {
    const runner = new Runner(this.ctx, database, { kinds, concurrency: 4, ...settings }, async () => this.ctx);
    this.#running.push(runner);
    await runner.start();
    return runner;
  };

  left = (): Promise<Row[]> =>
    this.site.database.query('SELECT state, attempts, crashes, last_error FROM jobs ORDER BY id');

  stopRunners = async (): Promise<void> => {
    await Promise.all(this.#running.splice(0).map((runner) => runner.stop()));
  };

  /** Leaves no job, lane, tick or runner. */
  clear = async (): Promise<void> => {
    await this.stopRunners();
    for (const table of ['jobs', 'job_lanes', 'cron_ticks', 'job_runners'])
      await this.site.database.execute(`DELETE FROM ${table}`);
  };

  close = async (): Promise<void> => {
    await this.elsewhere.close();
    await this.site.close();
  };
}
