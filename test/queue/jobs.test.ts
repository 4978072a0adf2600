import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Context, inTransaction } from '../../src/db/context.ts';
import type { Database, Row } from '../../src/db/database.ts';
import * as claims from '../../src/queue/claims.ts';
import * as jobs from '../../src/queue/jobs.ts';
import type { Job } from '../../src/queue/kind.ts';
import { claimLanes } from '../../src/queue/lane-claims.ts';
import * as lanes from '../../src/queue/lanes.ts';
import * as leases from '../../src/queue/leases.ts';
import * as runners from '../../src/queue/runners.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { JobBench } from '../support/job-bench.ts';
import type { TestSite } from '../support/site.ts';

onEveryDatabase('jobs', (dialect) => {
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
  const job = (n: number, more: Partial<jobs.NewJob> = {}): jobs.NewJob => ({
    kind: 'test',
    queue: 'system',
    payload: { n },
    ...more,
  });
  const add = (...many: jobs.NewJob[]) =>
    inTransaction(ctx, async (tx) => {
      for (const each of many) jobs.add(tx, each);
    });
  const numbers = (claimed: Job[]) => claimed.map(({ payload }) => payload.n);
  const states = () => site.database.query<Row>('SELECT id, state, attempts, crashes FROM jobs ORDER BY id');
  const expire = () => site.database.execute("UPDATE jobs SET lease_until = 1, begun = TRUE WHERE state = 'active'");
  const makeDue = () => site.database.execute("UPDATE jobs SET run_at = 1 WHERE state = 'waiting'");
  const anyRoom = () => 50;

  it('are written with their transaction or not at all', async () => {
    await expect(
      inTransaction(ctx, async (tx) => {
        jobs.add(tx, job(1));
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(await states()).toEqual([]);
    await add(job(1), job(2));
    expect(await states()).toMatchObject([{ state: 'ready' }, { state: 'ready' }]);
  });

  it('are claimed the most urgent first, then the oldest, each by one', async () => {
    await add(job(1), job(2, { priority: 1 }), job(3, { priority: -1 }), job(4));
    expect(numbers(await claims.claim(site.database, one, 1))).toEqual([3]);
    expect(numbers(await claims.claim(elsewhere, two, 2))).toEqual([1, 4]);
    expect(numbers(await claims.claim(site.database, one, 5))).toEqual([2]);
    expect(await claims.claim(elsewhere, two, 5)).toEqual([]);
  });

  it('are claimed once however many claim at the same time', async () => {
    await add(...Array.from({ length: 300 }, (_, n) => job(n)));
    const claimed: unknown[] = [];
    const worker = async (database: Database, id: number) => {
      for (;;) {
        const batch = await claims.claim(database, { id }, 7);
        if (batch.length === 0) return;
        claimed.push(...numbers(batch));
      }
    };
    await Promise.all([1, 2, 3, 4].map((id) => worker(id % 2 ? site.database : elsewhere, id)));
    // A claim may pass over rows that another has locked just then, so what is left is one more look away.
    await worker(site.database, 5);
    expect(claimed.length).toBe(300);
    expect(new Set(claimed).size).toBe(300);
  });

  it('of other queues are left alone', async () => {
    await add(job(1), job(2, { queue: 'labels' }));
    expect(numbers(await claims.claim(site.database, { id: 1, queues: ['labels', 'webhooks'] }, 5))).toEqual([2]);
  });

  it('wait for their time by the clock of the database', async () => {
    await add(job(1, { delay: 3_600_000 }), job(2));
    await claims.promote(site.database);
    expect(numbers(await claims.claim(site.database, one, 5))).toEqual([2]);
    const next = (await claims.nextIn(site.database))!;
    expect(next).toBeGreaterThan(3_500_000);
    expect(next).toBeLessThanOrEqual(3_600_000);
    await makeDue();
    await claims.promote(site.database);
    expect(numbers(await claims.claim(site.database, one, 5))).toEqual([1]);
  });

  it('are gone when done, and stay where someone follows them', async () => {
    await add(job(1), job(2, { keep: true }));
    const [first, second] = await claims.claim(site.database, one, 2);
    expect(await jobs.report(ctx, second!, { done: 1 })).toBe(true);
    await inTransaction(ctx, async (tx) => {
      jobs.complete(tx, first!);
      jobs.complete(tx, second!);
    });
    const left = await site.database.query('SELECT state, progress FROM jobs');
    expect(left).toEqual([{ state: 'done', progress: '{"done":1}' }]);
  });

  it('cannot be completed by a runner that lost its lease, nor can what it did with them', async () => {
    await add(job(1));
    const [zombie] = await claims.claim(site.database, one, 1);
    await expire();
    expect(await leases.sweep(elsewhere, two)).toEqual([]);
    const [heir] = await claims.claim(elsewhere, two, 1);
    expect(heir).toMatchObject({ id: zombie!.id, crashes: 1, attempts: 0 });
    for (const late of [
      (tx: Context) => jobs.retry(tx, zombie!, { retryIn: 0, reason: '' }),
      (tx: Context) => jobs.bury(tx, zombie!, '', true),
    ])
      await expect(inTransaction(ctx, late)).rejects.toBeInstanceOf(jobs.LostLease);
    await expect(
      inTransaction(ctx, async (tx) => {
        jobs.complete(tx, zombie!);
        jobs.add(tx, job(9));
      }),
    ).rejects.toBeInstanceOf(jobs.LostLease);
    expect(await jobs.report(ctx, zombie!, {})).toBe(false);
    expect(await states()).toMatchObject([{ state: 'active' }]);
    await inTransaction(ctx, async (tx) => jobs.complete(tx, heir!));
    expect(await states()).toEqual([]);
  });

  it('that fail among others of a group commit harm none of them', async () => {
    await add(...Array.from({ length: 8 }, (_, n) => job(n)));
    const claimed = await claims.claim(site.database, one, 8);
    await site.database.execute("UPDATE jobs SET lease_token = 'other' WHERE id = ?", [claimed[3]!.id]);
    const complete = (each: Job) => site.database.shared(async (db) => jobs.complete({ ...ctx, db }, each));
    const outcomes = await Promise.allSettled(claimed.map(complete));
    expect(outcomes.map(({ status }) => status).indexOf('rejected')).toBe(3);
    expect(await states()).toMatchObject([{ id: claimed[3]!.id }]);
  });

  it('keep their lease while the runner says so, and only those that it says', async () => {
    await add(job(1), job(2));
    const [kept] = await claims.claim(site.database, one, 2);
    await expire();
    await leases.heartbeat(site.database, one, [kept!.id]);
    await leases.sweep(elsewhere, two);
    expect(numbers(await claims.claim(elsewhere, two, 5))).toEqual([2]);
  });

  it('are handed over to be given up when ten runners died with them', async () => {
    await add(job(1));
    for (let crash = 1; crash < 10; crash += 1) {
      await claims.claim(site.database, one, 1);
      await expire();
      expect(await leases.sweep(elsewhere, two)).toEqual([]);
    }
    await claims.claim(site.database, one, 1);
    await expire();
    const [hopeless] = await leases.sweep(elsewhere, two);
    expect(hopeless).toMatchObject({ crashes: 9, attempts: 0 });
    await inTransaction(ctx, (tx) => jobs.bury(tx, hopeless!, 'five', true));
    expect(await states()).toMatchObject([{ state: 'dead' }]);
  });

  it('that a runner had and never began do not count as the reason that it died', async () => {
    await add(job(1));
    const waiting = "UPDATE jobs SET lease_until = 1 WHERE state = 'active'";
    for (let crash = 1; crash <= 8; crash += 1) {
      const [claimed] = await claims.claim(site.database, one, 1);
      expect(claimed!.crashes).toBe(Math.min(crash - 1, 2));
      await site.database.execute(waiting);
      expect(await leases.sweep(elsewhere, two)).toEqual([]);
    }
    for (let crash = 3; crash <= 10; crash += 1) {
      const [claimed] = await claims.claim(site.database, one, 1);
      await leases.begin(site.database, claimed!);
      await site.database.execute(waiting);
      expect(await leases.sweep(elsewhere, two)).toHaveLength(crash === 10 ? 1 : 0);
    }
  });

  it('with a key are there once, until they are done', async () => {
    const start = (n: number) => inTransaction(ctx, (tx) => jobs.start(tx, job(n, { unique: 'only' })));
    const first = await start(1);
    expect(await start(2)).toEqual({ id: first.id, known: true });
    const both = await Promise.all([start(3), start(4)]);
    expect(both).toEqual([first, first].map(({ id }) => ({ id, known: true })));
    const [claimed] = await claims.claim(site.database, one, 5);
    expect((await start(5)).known).toBe(true);
    await inTransaction(ctx, async (tx) => jobs.complete(tx, claimed!));
    expect((await start(6)).known).toBe(false);
  });

  it('that are cancelled are not claimed, and one under way is not completed', async () => {
    await add(job(1), job(2));
    const [running] = await claims.claim(site.database, one, 1);
    const [, waiting] = await states();
    for (const id of [running!.id, waiting!.id as number]) expect(await jobs.cancel(ctx, id)).toBe(true);
    expect(await claims.claim(site.database, one, 5)).toEqual([]);
    const completing = inTransaction(ctx, async (tx) => jobs.complete(tx, running!));
    await expect(completing).rejects.toBeInstanceOf(jobs.LostLease);
  });

  it('of a dead runner of this machine are free as soon as another comes', async () => {
    const dead = await runners.enter(site.database, 1, undefined);
    await add(job(1));
    await claims.claim(site.database, { id: dead }, 1);
    runners.desert(dead);
    const heir = await runners.enter(elsewhere, 1, undefined);
    await leases.sweep(elsewhere, { id: heir });
    expect(numbers(await claims.claim(elsewhere, { id: heir }, 1))).toEqual([1]);
    await runners.leave(elsewhere, heir);
    expect(await site.database.query('SELECT id FROM job_runners')).toEqual([]);
  });

  it('are counted as a backlog', async () => {
    await add(job(1), job(2), job(3, { delay: 60_000 }));
    await claims.claim(site.database, one, 1);
    const id = await runners.enter(site.database, 1, undefined);
    expect(await runners.backlog(site.database)).toEqual({ workers: 1, pending: 2, waiting: 1, dead: 0 });
    // Its time has come, and no runner is there to see it.
    await makeDue();
    expect(await runners.backlog(site.database)).toEqual({ workers: 1, pending: 3, waiting: 0, dead: 0 });
    await runners.leave(site.database, id);
  });

  const lane = (settings: Partial<lanes.LaneSettings> = {}) => bench.lane(settings);

  it('in a lane are one runner’s at a time', async () => {
    const id = await lane();
    await add(...[1, 2, 3, 4].map((n) => job(n, { lane: id })));
    expect(await claims.claim(site.database, one, 5)).toEqual([]);
    const first = await claimLanes(site.database, one, () => 2);
    expect(numbers(first)).toEqual([1, 2]);
    expect(await claimLanes(elsewhere, two, anyRoom)).toEqual([]);
    expect(numbers(await claimLanes(site.database, one, () => 1))).toEqual([3]);
    await leases.release(site.database, first);
    const [third] = await site.database.query<{ id: number; token: string }>(
      "SELECT id, lease_token AS token FROM jobs WHERE state = 'active'",
    );
    await inTransaction(ctx, async (tx) => jobs.complete(tx, third!));
    expect(numbers(await claimLanes(elsewhere, two, anyRoom))).toEqual([1, 2, 4]);
  });

  it('in lanes are claimed by one runner each when many claim at once', async () => {
    const ids = [await lane(), await lane(), await lane()];
    await add(...Array.from({ length: 60 }, (_, n) => job(n, { lane: ids[n % 3]! })));
    const claimed = await Promise.all(
      [1, 2, 3, 4].map((id) => claimLanes(id % 2 ? site.database : elsewhere, { id }, () => 5)),
    );
    const owners = await site.database.query<Row>(
      "SELECT lane_id, COUNT(DISTINCT runner_id) AS owners FROM jobs WHERE state = 'active' GROUP BY lane_id",
    );
    expect(owners.every((row) => Number(row.owners) === 1)).toBe(true);
    const all = claimed.flat().map((each) => each.id);
    expect(new Set(all).size).toBe(all.length);
  });

  it('of a full lane do not keep those of another waiting', async () => {
    const [full, other] = [await lane(), await lane()];
    await add(...Array.from({ length: 2_000 }, (_, n) => job(n, { lane: full })), job(-1, { lane: other }));
    const claimed = await claimLanes(site.database, one, () => 3);
    expect(claimed.map((each) => each.lane).sort()).toEqual([full, full, full, other]);
  });

  it('of a held lane wait, then are tried one by one until it is freed', async () => {
    const id = await lane();
    await add(...[1, 2, 3].map((n) => job(n, { lane: id })));
    await inTransaction(ctx, (tx) => lanes.hold(tx, id, 3_600_000));
    expect(await claimLanes(site.database, one, anyRoom)).toEqual([]);
    await inTransaction(ctx, (tx) => lanes.hold(tx, id, -1));
    const [probe, ...rest] = await claimLanes(site.database, one, anyRoom);
    expect(rest).toEqual([]);
    expect(await claimLanes(site.database, one, anyRoom)).toEqual([]);
    await inTransaction(ctx, async (tx) => {
      jobs.complete(tx, probe!);
      await lanes.free(tx, id);
    });
    expect(numbers(await claimLanes(site.database, one, anyRoom))).toEqual([2, 3]);
  });

  it('of an ordered lane are claimed one at a time, and wait behind one that is tried again', async () => {
    const id = await lane({ ordered: true, max_in_flight: 1 });
    await add(...[1, 2].map((n) => job(n, { lane: id })));
    const [first, ...rest] = await claimLanes(site.database, one, anyRoom);
    expect([first!.payload.n, rest]).toEqual([1, []]);
    expect(await claimLanes(site.database, one, anyRoom)).toEqual([]);
    await inTransaction(ctx, (tx) => jobs.retry(tx, first!, { retryIn: 3_600_000, reason: 'later' }));
    expect(await claimLanes(site.database, one, anyRoom)).toEqual([]);
    await makeDue();
    await claims.promote(site.database);
    expect(numbers(await claimLanes(site.database, one, anyRoom))).toEqual([1]);
  });

  it('of a lane with a rate are claimed no faster', async () => {
    const id = await lane({ rate_per_s: 5 });
    await add(...Array.from({ length: 50 }, (_, n) => job(n, { lane: id })));
    const begun = Date.now();
    let claimed = 0;
    while (claimed < 8) claimed += (await claimLanes(site.database, one, anyRoom)).length;
    // Five at first, as nothing was claimed for a second, then one each 200 ms.
    const seconds = (Date.now() - begun) / 1_000;
    expect(claimed).toBeLessThanOrEqual(5 + seconds * 5 + 1);
    expect(seconds).toBeGreaterThan(0.35);
  });

  it('go with their lane', async () => {
    const id = await lane();
    await add(job(1, { lane: id }), job(2));
    await inTransaction(ctx, (tx) => lanes.remove(tx, id));
    expect(await states()).toHaveLength(1);
  });
});
