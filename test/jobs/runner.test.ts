import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { Unavailable } from '../../src/base/errors.ts';
import { type Context, inTransaction } from '../../src/db/context.ts';
import type { Row } from '../../src/db/database.ts';
import type { AnyKind, Job, Verdict } from '../../src/queue/kind.ts';
import * as lanes from '../../src/queue/lanes.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { JobBench } from '../support/job-bench.ts';
import { until } from '../support/pty.ts';
import { unique } from '../support/samples.ts';
import type { TestSite } from '../support/site.ts';

onEveryDatabase('the job runner', (dialect) => {
  let bench: JobBench;
  let site: TestSite;
  let ctx: Context;
  beforeAll(async () => {
    bench = await JobBench.on(dialect);
    ({ site, ctx } = bench);
  });
  afterEach(async () => {
    await bench.stopRunners();
    expect(await site.database.query('SELECT id FROM job_runners')).toEqual([]);
    await bench.clear();
  });
  afterAll(() => bench.close());

  const run = (...wanted: Parameters<JobBench['run']>) => bench.run(...wanted);
  const kind = (settle: (tx: Context, job: Job) => Promise<Verdict>, more: Partial<AnyKind> = {}): AnyKind => ({
    kind: 'test',
    queue: 'system',
    settle,
    ...more,
  });
  const add = (...wanted: Parameters<JobBench['add']>) => bench.add(...wanted);
  const left = () => bench.left();
  const locations = async () =>
    (await site.database.query<Row>('SELECT code FROM locations ORDER BY id')).map(({ code }) => code);
  const place = (tx: Context, code: string) =>
    tx.db.insert('locations', {
      tenant_id: site.plant.id,
      name: code,
      code,
      address: '',
      metadata: '{}',
      created_at: '2026-01-01T00:00:00.000Z',
      updated_at: '2026-01-01T00:00:00.000Z',
    });

  it('does every job once, with three of them at it', async () => {
    const done: number[] = [];
    const counting = kind(async (_, job) => {
      done.push(job.id);
      return undefined;
    });
    await add(200);
    await Promise.all([run([counting]), run([counting]), run([counting])]);
    await add(100);
    await until(async () => (await left()).length === 0, 'the jobs to be done');
    expect(new Set(done).size).toBe(300);
  });

  it('forgets no job of a lane that empties while more of it is claimed', async () => {
    const pause = () => sleep(Math.random() * 8);
    const lane = await inTransaction(ctx, (tx) => lanes.make(tx, 'system'));
    await run([kind(async () => undefined, { perform: pause })]);
    for (let n = 0; n < 300; n += 1) {
      await add(1, { lane });
      await pause();
    }
    await until(async () => (await left()).length === 0, 'the jobs to be done');
  });

  it('takes a job as soon as it is committed', async () => {
    let began = 0;
    await run([
      kind(async () => {
        began = Date.now();
        return undefined;
      }),
    ]);
    await sleep(2_500);
    const committed = Date.now();
    await add(1);
    await until(() => began > 0, 'the job');
    // It looks by itself only every two seconds by now.
    expect(began - committed).toBeLessThan(1_000);
  });

  it('keeps what a job wrote together with its end, or neither', async () => {
    const [good, bad] = [unique('G'), unique('B')];
    await add(1);
    await run([
      kind(async (tx, job) => {
        await place(tx, job.attempts === 0 ? bad : good);
        if (job.attempts === 0) throw new Error('halfway');
        return undefined;
      }),
    ]);
    await until(async () => (await left())[0]?.last_error === 'halfway', 'the first attempt');
    expect(await left()).toMatchObject([{ state: 'waiting', attempts: 1 }]);
    await site.database.execute('UPDATE jobs SET run_at = 1');
    await until(async () => (await left()).length === 0, 'the second attempt');
    const codes = await locations();
    expect([codes.includes(good), codes.includes(bad)]).toEqual([true, false]);
  });

  it('gives up after the last attempt, and says so to the kind in the same transaction', async () => {
    const code = unique('D');
    await add(1, { maxAttempts: 1 });
    await run([
      kind(
        async () => {
          throw new Error('never');
        },
        {
          gaveUp: async (tx, _, reason) => {
            await place(tx, `${code}-${reason}`);
            return undefined;
          },
        },
      ),
    ]);
    await until(async () => (await left())[0]?.state === 'dead', 'the end');
    expect(await left()).toMatchObject([{ state: 'dead', attempts: 1, last_error: 'never' }]);
    expect(await locations()).toContain(`${code}-never`);
  });

  it('tries again when told, without an attempt where it says so', async () => {
    await add(1, { maxAttempts: 1 });
    let calls = 0;
    await run([
      kind(async () => {
        calls += 1;
        return calls < 4 ? { retryIn: 5, reason: 'not yet', spends: false } : undefined;
      }),
    ]);
    await until(async () => (await left()).length === 0, 'the fourth call');
    expect(calls).toBe(4);
  });

  it('does outside work once although the database cannot be told at first', async () => {
    let [sent, told] = [0, 0];
    await add(1);
    await run([
      kind(
        async () => {
          told += 1;
          if (told < 3) throw new Unavailable('away');
          return undefined;
        },
        {
          perform: async () => {
            sent += 1;
          },
        },
      ),
    ]);
    await until(async () => (await left()).length === 0, 'the job');
    expect([sent, told]).toEqual([1, 3]);
  });

  it('leaves a job of a kind that it does not know to a newer one', async () => {
    await add(1);
    await run([]);
    await until(async () => (await left())[0]?.state === 'waiting', 'the job to be put back');
    expect(await left()).toMatchObject([{ attempts: 0, last_error: expect.stringContaining('does not know') }]);
  });

  it('ends what it began when it is stopped, and gives back the rest', async () => {
    let began = 0;
    let ended = 0;
    await add(30);
    const runner = await run(
      [
        kind(
          async () => {
            ended += 1;
            return undefined;
          },
          {
            perform: async () => {
              began += 1;
              await sleep(300);
            },
          },
        ),
      ],
      { concurrency: 2, batch: 20 },
    );
    await until(() => began === 2, 'two jobs to begin');
    await runner.stop();
    expect([began, ended]).toEqual([2, 2]);
    expect((await left()).map(({ state }) => state)).toEqual(Array(28).fill('ready'));
  });

  it('has no more of a lane under way than it allows, and other lanes beside a stuck one', async () => {
    const make = (max_in_flight: number) => inTransaction(ctx, (tx) => lanes.make(tx, 'system', { max_in_flight }));
    const [stuck, quick] = [await make(2), await make(3)];
    const under = new Map<number, number>();
    const most = new Map<number, number>();
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await add(40, { lane: stuck });
    await add(40, { lane: quick });
    await run([
      kind(async () => undefined, {
        perform: async (_, { lane }) => {
          const now = (under.get(lane) ?? 0) + 1;
          under.set(lane, now);
          most.set(lane, Math.max(most.get(lane) ?? 0, now));
          await (lane === stuck ? released : sleep(1));
          under.set(lane, under.get(lane)! - 1);
        },
      }),
    ]);
    const of = async (lane: number) =>
      (await site.database.query('SELECT id FROM jobs WHERE lane_id = ?', [lane])).length;
    await until(async () => (await of(quick)) === 0, 'the quick lane');
    expect(await of(stuck)).toBe(40);
    release();
    await until(async () => (await of(stuck)) === 0, 'the other lane');
    expect([most.get(stuck), most.get(quick)]).toEqual([2, 3]);
  });

  it('takes from a lane that nobody told it of while it has more than enough of no lane', async () => {
    const lane = await inTransaction(ctx, (tx) => lanes.make(tx, 'system'));
    await add(1, { lane });
    await site.database.execute("UPDATE jobs SET state = 'dead'");
    await add(200);
    const done: number[] = [];
    await run([
      kind(
        async (_, job) => {
          done.push(job.lane);
          return undefined;
        },
        { perform: () => sleep(20) },
      ),
    ]);
    await until(() => done.length > 0, 'the first of no lane');
    // As another process adds one, where databases tell of nothing.
    await site.database.execute("UPDATE jobs SET state = 'ready' WHERE state = 'dead'");
    await until(() => done.includes(lane), 'the one in the lane');
    expect(done.length).toBeLessThan(190);
  });

  it('gives back what it has of a lane that is held', async () => {
    const lane = await inTransaction(ctx, (tx) => lanes.make(tx, 'system', { max_in_flight: 1 }));
    await add(8, { lane });
    let calls = 0;
    await run([
      kind(async () => {
        calls += 1;
        return { retryIn: 1, reason: 'away', spends: false, holdLane: 3_600_000 };
      }),
    ]);
    await until(async () => (await left()).filter(({ state }) => state === 'ready').length >= 7, 'the rest to be back');
    await sleep(300);
    expect(calls).toBe(1);
  });
});
