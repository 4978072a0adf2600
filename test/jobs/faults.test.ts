import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { type Context, inTransaction } from '../../src/db/context.ts';
import type { Database, Row } from '../../src/db/database.ts';
import { Attempts } from '../../src/jobs/attempt.ts';
import { LaneQueues } from '../../src/jobs/lane-queues.ts';
import { Runner } from '../../src/jobs/runner.ts';
import * as jobs from '../../src/queue/jobs.ts';
import type { AnyKind, Job } from '../../src/queue/kind.ts';
import type { Lane } from '../../src/queue/lane-claims.ts';
import * as runners from '../../src/queue/runners.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { JobBench } from '../support/job-bench.ts';
import { until } from '../support/pty.ts';
import { type TestSite, testSite } from '../support/site.ts';
import { workOff } from '../support/work.ts';

/** A database whose questions go through `before` first. */
const watched = (database: Database, before: (sql: string) => Promise<void>): Database =>
  new Proxy(database, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'query') return value.bind(target);
      return async (sql: string, ...rest: unknown[]) => {
        await before(sql);
        return value.call(target, sql, ...rest);
      };
    },
  });

onEveryDatabase('a job runner in trouble', (dialect) => {
  let bench: JobBench;
  let site: TestSite;
  beforeAll(async () => {
    bench = await JobBench.on(dialect);
    ({ site } = bench);
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await bench.clear();
  });
  afterAll(() => bench.close());

  const run = (kind: AnyKind, database = site.database) => bench.run([kind], { database });
  const counting = (done: number[]): AnyKind => ({
    kind: 'test',
    queue: 'system',
    settle: async (_, job) => {
      done.push(Date.now());
      return job.id < 0 ? { dead: '' } : undefined;
    },
  });
  const add = (...wanted: Parameters<JobBench['add']>) => bench.add(...wanted);
  const left = () => bench.left();

  it('does what it claimed of no lane although the lanes cannot be read', async () => {
    const done: number[] = [];
    await add(3);
    const database = watched(site.database, async (sql) => {
      if (sql.includes('FROM job_lanes')) throw new Error('the lanes are away');
    });
    await run(counting(done), database);
    await until(() => done.length === 3, 'the jobs');
    await until(async () => (await left()).length === 0, 'their end');
  });

  it('hears of a job that is added while it asks how long it may sleep', async () => {
    const done: number[] = [];
    let asked = 0;
    let hold: Promise<unknown> | undefined;
    const database = watched(site.database, async (sql) => {
      if (!sql.includes('MIN(run_at)')) return;
      asked += 1;
      await hold;
    });
    await run(counting(done), database);
    // By then it sleeps for two seconds at a time.
    await sleep(4_500);
    let resume = () => {};
    hold = new Promise<void>((resolve) => {
      resume = resolve;
    });
    const before = asked;
    await until(() => asked > before, 'the next look', 4_000);
    await add(1);
    await sleep(50);
    const resumed = Date.now();
    resume();
    hold = undefined;
    await until(() => done.length === 1, 'the job');
    expect(done[0]! - resumed).toBeLessThan(1_000);
  }, 20_000);

  it('makes jobs ready although the clock of its machine is set back by two days', async () => {
    const done: number[] = [];
    await run(counting(done));
    await add(1);
    await until(() => done.length === 1, 'the first job');
    const { now } = Date;
    vi.spyOn(Date, 'now').mockImplementation(() => now() - 2 * 86_400_000);
    await add(1, { delay: 300 });
    await until(async () => (await left()).length === 0, 'the second job', 8_000);
  });

  it('frees at once what a dead one of its machine had', async () => {
    const dead = await runners.enter(site.database, 1, undefined);
    await add(1);
    const active = `UPDATE jobs SET state = 'active', runner_id = ?, lease_token = 'x', lease_ms = 60000, lease_until = ${site.database.clock} + 60000`;
    await site.database.execute(active, [dead]);
    runners.desert(dead);
    const done: number[] = [];
    const began = Date.now();
    await run(counting(done));
    await until(() => done.length === 1, 'the job');
    expect(done[0]! - began).toBeLessThan(2_000);
  });

  it('does nothing for a tenant that is disabled, and loses nothing', async () => {
    let calls = 0;
    const kind: AnyKind = {
      kind: 'test',
      queue: 'system',
      settle: async () => {
        calls += 1;
        return undefined;
      },
    };
    await add(1, { tenant: site.other.id });
    await site.database.execute('UPDATE tenants SET is_active = ? WHERE id = ?', [false, site.other.id]);
    await workOff(site, [kind]);
    expect(await left()).toMatchObject([{ state: 'waiting', attempts: 0, last_error: 'The tenant is disabled.' }]);
    await site.database.execute('UPDATE tenants SET is_active = ? WHERE id = ?', [true, site.other.id]);
    await site.database.execute('UPDATE jobs SET run_at = 1');
    await until(
      async () => {
        await workOff(site, [kind]);
        return calls === 1;
      },
      'the job',
      10_000,
    );
  });
});

describe('a job that too many runners died with', () => {
  it('waits where its tenant is disabled: nobody is there to be told', async () => {
    const told: unknown[] = [];
    const tx = { execute: async (...statement: unknown[]) => told.push(statement), clock: '0' };
    const db = {
      ...tx,
      transaction: (work: (tx: unknown) => unknown) => work(tx),
      shared: (work: (tx: unknown) => unknown) => work(tx),
    };
    const gaveUp = vi.fn();
    const kind: AnyKind = { kind: 'test', queue: 'system', settle: async () => undefined, gaveUp };
    const ctx = { db, tenant: null, now: () => new Date(), log: silentLog } as never as Context;
    const job = { id: 1, kind: 'test', tenant: 7, lane: 0, attempts: 0, maxAttempts: 5, crashes: 2, token: 't' } as Job;
    await new Attempts([kind], async () => ctx, new AbortController().signal).giveUp(job);
    expect(gaveUp).not.toHaveBeenCalled();
    expect(JSON.stringify(told)).toContain('The tenant is disabled.');
  });
});

describe('queues of lanes', () => {
  const lane = { id: 7, max_in_flight: 2, ordered: false } as Lane;

  it('are forgotten when there is nothing in them, and no sooner', async () => {
    const queues = new LaneQueues();
    expect(queues.room(lane, 0)).toBe(32);
    queues.tidy();
    expect(queues.all()).toEqual([]);
    queues.room(lane, 0);
    let end = () => {};
    const work = queues.of(7).add(
      () =>
        new Promise<void>((resolve) => {
          end = resolve;
        }),
    );
    queues.tidy();
    expect(queues.room(lane, 1)).toBe(31);
    end();
    await work;
    queues.tidy();
    expect(queues.all()).toEqual([]);
  });
});

describe('a job runner that is stopped', () => {
  it('waits no longer than it says, spends no attempt, and lets the next one have what it left', async () => {
    const site = await testSite('sqlite');
    const ctx = site.as('admin');
    await inTransaction(ctx, async (tx) => {
      for (const n of [1, 2]) jobs.add(tx, { kind: 'test', queue: 'system', payload: { n } });
    });
    let begun = 0;
    const kind: AnyKind = {
      kind: 'test',
      queue: 'system',
      perform: async (_, job, signal) => {
        begun += 1;
        if (job.payload.n === 1) await new Promise(() => undefined);
        await sleep(60_000, undefined, { signal });
      },
      settle: async () => undefined,
    };
    const runner = new Runner(ctx, site.database, { kinds: [kind], concurrency: 2 }, async () => ctx);
    await runner.start();
    await until(() => begun === 2, 'both to begin');
    const stopping = Date.now();
    await runner.stop();
    expect(Date.now() - stopping).toBeLessThan(18_000);
    const rows = await site.database.query<Row>('SELECT state, attempts FROM jobs ORDER BY id');
    expect(rows).toEqual([
      { state: 'active', attempts: 0 },
      { state: 'ready', attempts: 0 },
    ]);
    await runners.enter(site.database, 1, undefined);
    const [first] = await site.database.query<Row>('SELECT lease_until FROM jobs ORDER BY id LIMIT 1');
    expect(first).toEqual({ lease_until: 0 });
    await site.close();
  }, 30_000);
});
