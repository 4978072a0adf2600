import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Context, inTransaction } from '../../src/db/context.ts';
import type { Database, Row } from '../../src/db/database.ts';
import * as claims from '../../src/queue/claims.ts';
import * as jobs from '../../src/queue/jobs.ts';
import { claimLanes, type Lane } from '../../src/queue/lane-claims.ts';
import type * as lanes from '../../src/queue/lanes.ts';
import * as leases from '../../src/queue/leases.ts';
import { prune } from '../../src/queue/runners.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { JobBench } from '../support/job-bench.ts';
import { planOf } from '../support/plans.ts';
import type { TestSite } from '../support/site.ts';

onEveryDatabase('claims of many jobs', (dialect) => {
  let bench: JobBench;
  let site: TestSite;
  let ctx: Context;
  let elsewhere: Database;
  beforeAll(async () => {
    bench = await JobBench.on(dialect);
    ({ site, ctx, elsewhere } = bench);
  });
  afterEach(() => bench.clear());
  afterAll(() => bench.close());

  const one = { id: 1 };
  const two = { id: 2 };
  const add = (...wanted: Parameters<JobBench['add']>) => bench.add(...wanted);
  const lane = (settings: Partial<lanes.LaneSettings> = {}) => bench.lane(settings);
  const states = () =>
    site.database.query<Row>('SELECT state, crashes, COUNT(*) AS jobs FROM jobs GROUP BY state, crashes');

  it('free every job of a runner that died, however many it had', async () => {
    await add(1_203);
    const claimed = await claims.claim(site.database, one, 2_000);
    expect(claimed).toHaveLength(1_203);
    await site.database.execute('UPDATE jobs SET lease_until = 1');
    expect(await leases.sweep(elsewhere, two)).toEqual([]);
    expect((await states()).map((row) => ({ ...row, jobs: Number(row.jobs) }))).toEqual([
      { state: 'ready', crashes: 1, jobs: 1_203 },
    ]);
  });

  it('hand over a batch with the most urgent first', async () => {
    for (const priority of [2, 0, 1, 0]) await add(1, { priority, payload: { priority } });
    const claimed = await claims.claim(site.database, one, 10);
    expect(claimed.map(({ payload }) => payload.priority)).toEqual([0, 0, 1, 2]);
  });

  it('of some queues take each of them', async () => {
    await add(3, { queue: 'workflows' });
    await add(2, { queue: 'labels' });
    await add(2);
    const runner = { id: 1, queues: ['labels', 'workflows'] };
    expect(await claims.claim(site.database, runner, 4)).toHaveLength(4);
    expect(await claims.claim(site.database, runner, 4)).toHaveLength(1);
    expect(await claims.claim(site.database, runner, 4)).toEqual([]);
  });

  it('find the one lane with room behind a hundred that are full, or wait for their head', async () => {
    const full = new Set<number>();
    for (let n = 0; n < 60; n += 1) full.add(await lane());
    const blocked = await Promise.all(Array.from({ length: 60 }, () => lane({ ordered: true })));
    for (const id of full) await add(1, { lane: id });
    for (const id of blocked) await add(2, { lane: id });
    await site.database.execute(
      "UPDATE jobs SET state = 'waiting', run_at = 9000000000000 WHERE id IN " +
        '(SELECT id FROM (SELECT MIN(j.id) AS id FROM jobs j JOIN job_lanes l ON l.id = j.lane_id WHERE l.ordered = ? GROUP BY j.lane_id) heads)',
      [true],
    );
    const healthy = await lane();
    await add(1, { lane: healthy });
    const claimed = await claimLanes(site.database, one, ({ id }: Lane) => (full.has(id) ? 0 : 4));
    expect(claimed.map((job) => job.lane)).toEqual([healthy]);
  });

  it('go on in a lane with a rate after the clock of the database was set back', async () => {
    const id = await lane({ rate_per_s: 2 });
    await add(4, { lane: id });
    await site.database.execute('UPDATE job_lanes SET refilled_at = 9000000000000, tokens = 0');
    expect(await claimLanes(site.database, one, () => 4)).toHaveLength(2);
    const waits: number[] = [];
    expect(
      await claimLanes(
        site.database,
        one,
        () => 4,
        (ms) => waits.push(ms),
      ),
    ).toEqual([]);
    expect(waits[0]).toBeGreaterThan(0);
    expect(waits[0]).toBeLessThanOrEqual(500);
  });

  it('pass over what waits for the head of an ordered lane when that is locked just then', async () => {
    const id = await lane({ ordered: true, max_in_flight: 1 });
    await add(2, { lane: id });
    const [head] = await site.database.query<{ id: number }>('SELECT MIN(id) AS id FROM jobs');
    if (dialect === 'sqlite') return;
    await elsewhere.transaction(async (tx) => {
      await tx.query(`SELECT id FROM jobs WHERE id = ?${tx.forUpdate}`, [head!.id]);
      expect(await claimLanes(site.database, one, () => 4)).toEqual([]);
    });
    expect((await claimLanes(site.database, one, () => 4)).map((job) => job.id)).toEqual([head!.id]);
  });

  it('are moved on while their jobs are completed, and nobody sees a lock', async () => {
    await add(600);
    const claimed = await claims.claim(site.database, one, 600);
    const ids = claimed.map(({ id }) => id);
    const shuffled = claimed.map((job, n) => ({ job, at: (n * 7_919) % 601 })).sort((a, b) => a.at - b.at);
    const completing = Array.from({ length: 20 }, (_, part) =>
      inTransaction(ctx, async (tx) => {
        for (const { job } of shuffled.slice(part * 30, part * 30 + 30)) jobs.complete(tx, job);
      }),
    );
    const beating = Array.from({ length: 12 }, () => leases.heartbeat(elsewhere, one, ids));
    await Promise.all([...completing, ...beating]);
    expect(await states()).toEqual([]);
  });

  it('do not walk over what is not due, nor over other queues', async () => {
    const plan = (sql: string): Promise<string> => planOf(site, 'jobs', sql);
    const filler = { tenant_id: null, kind: 'test', lane_id: 0, priority: 0, max_attempts: 5, payload: '{}' };
    const stamps = { created_at: '2026-01-01T00:00:00.000Z', updated_at: '2026-01-01T00:00:00.000Z' };
    const rest = { ...filler, ...stamps, progress: '{}', keep: false, last_error: '' };
    const rows = (state: string, run_at: number) =>
      Array.from({ length: 3_000 }, (_, n) => ({ ...rest, queue: 'workflows', state, run_at: run_at && run_at + n }));
    await site.database.insertMany('jobs', [...rows('waiting', 9_000_000_000_000), ...rows('ready', 0)]);
    const [due, marks] = [`state = 'waiting' AND run_at <= ${site.database.clock}`, site.database.skipLocked];
    const taken = await plan(`SELECT id FROM jobs WHERE ${due} ORDER BY run_at LIMIT 2000${marks}`);
    expect(taken).toContain('jobs_waiting_index');
    // The time is part of what the index is asked for, and not compared with row by row.
    const asked = { sqlite: /state=\? AND run_at<\?/, postgres: /Index Cond: .*run_at <=/, mysql: /"type":"range"/ };
    expect(taken).toMatch(asked[dialect]);
    const next = await plan("SELECT MIN(run_at) FROM jobs WHERE state = 'waiting'");
    expect(next).toMatch(/jobs_waiting_index|optimized away/);
    const own = "SELECT id FROM jobs WHERE state = 'ready' AND lane_id = 0 AND queue = 'labels'";
    expect(await plan(`${own} ORDER BY priority, run_at, id LIMIT 5`)).toContain('jobs_queue_index');
  });

  it('keep the last tick of each task, and nothing else that is old', async () => {
    const tick = (task: string, tick_at: number) => ({ task, tick_at });
    await site.database.insertMany('cron_ticks', [tick('rare', 1_000), tick('rare', 2_000), tick('often', 5)]);
    await site.database.insertMany('cron_ticks', [tick('often', 9_000_000_000_000)]);
    await add(1_100, { keep: true });
    await site.database.execute("UPDATE jobs SET state = 'done', finished_at = '2026-01-01T00:00:00.000Z'");
    await add(1);
    await prune(site.database, '2026-02-01T00:00:00.000Z');
    const left = await site.database.query<Row>('SELECT task, tick_at FROM cron_ticks ORDER BY task');
    expect(left.map(({ task, tick_at }) => [task, Number(tick_at)])).toEqual([
      ['often', 9_000_000_000_000],
      ['rare', 2_000],
    ]);
    expect((await states()).map(({ state, jobs }) => [state, Number(jobs)])).toEqual([['ready', 1]]);
  });
});
