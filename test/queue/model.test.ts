import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Context, inTransaction } from '../../src/db/context.ts';
import { Database, type Row } from '../../src/db/database.ts';
import * as claims from '../../src/queue/claims.ts';
import * as jobs from '../../src/queue/jobs.ts';
import type { Job } from '../../src/queue/kind.ts';
import { claimLanes } from '../../src/queue/lane-claims.ts';
import * as lanes from '../../src/queue/lanes.ts';
import * as leases from '../../src/queue/leases.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { type TestSite, testSite } from '../support/site.ts';

/** What the engine should know of a job. */
interface Known {
  n: number;
  priority: number;
  lane: number;
  state: 'waiting' | 'ready' | 'active' | 'dead' | 'done';
  runner: number;
  /** The claim that has it. */
  job?: Job | undefined;
  attempts: number;
  crashes: number;
  /** Its lease has run out, or its time has come. */
  due: boolean;
}

interface LaneModel {
  id: number;
  most: number;
  ordered: boolean;
  held: 'no' | 'held' | 'probing';
}

const runnersOf = fc.constantFrom(1, 2);
const pick = fc.nat(1_000);
const command = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('add' as const),
      priority: fc.integer({ min: -1, max: 2 }),
      lane: fc.nat(2),
      later: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('claim' as const),
      runner: runnersOf,
      limit: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('claimLanes' as const),
      runner: runnersOf,
      room: fc.integer({ min: 0, max: 3 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('complete' as const), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('retry' as const), pick, spends: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('bury' as const), pick, keep: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const), pick }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('zombie' as const),
      pick,
      how: fc.constantFrom('complete', 'retry', 'bury', 'report'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const), runner: runnersOf }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('heartbeat' as const), runner: runnersOf }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('sweep' as const), runner: runnersOf }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('promote' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('hold' as const), lane: fc.nat(1), over: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('free' as const), lane: fc.nat(1) }) },
);
/** A runner that dies with what it has, again and again. */
const dying = fc.record({
  do: fc.constant('dying' as const),
  runner: runnersOf,
  times: fc.integer({ min: 1, max: 11 }),
});
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

onEveryDatabase('the job engine beside a model of it', (dialect) => {
  let site: TestSite;
  let ctx: Context;
  /** Each runner has connections of its own. */
  let databases: Database[];
  beforeAll(async () => {
    site = await testSite(dialect);
    ctx = site.as('admin');
    databases = [site.database, new Database(site.databaseConfig)];
  });
  afterAll(async () => {
    await databases[1]!.close();
    await site.close();
  });

  const dbOf = (runner: number) => databases[runner - 1]!;

  class World {
    readonly jobs: Known[] = [];
    readonly lanes: LaneModel[] = [];
    /** Claims that were taken away from whoever had them. */
    readonly lost: Job[] = [];
    #count = 0;

    async begin(): Promise<void> {
      for (const table of ['jobs', 'job_lanes']) await site.database.execute(`DELETE FROM ${table}`);
      for (const [most, ordered] of [
        [3, false],
        [1, true],
      ] as const) {
        const id = await inTransaction(ctx, (tx) => lanes.make(tx, 'system', { max_in_flight: most, ordered }));
        this.lanes.push({ id, most, ordered, held: 'no' });
      }
    }

    of(state: Known['state'], index: number): Known | undefined {
      const some = this.jobs.filter((job) => job.state === state);
      return some[index % Math.max(some.length, 1)];
    }

    /** In the order in which they are to be claimed. */
    ready(lane: number): Known[] {
      const some = this.jobs.filter((job) => job.state === 'ready' && job.lane === lane);
      return some.sort((one, two) => one.priority - two.priority || one.n - two.n);
    }

    /** What a claim of the lane would be. */
    expected(lane: LaneModel, runner: number, room: number): Known[] {
      const live = this.jobs.filter((job) => job.lane === lane.id && !['dead', 'done'].includes(job.state));
      const active = live.filter(({ state }) => state === 'active');
      if (lane.held === 'held' || active.some((job) => job.runner !== runner)) return [];
      if (lane.held === 'probing' && active.length > 0) return [];
      const some = lane.ordered ? (live[0]?.state === 'ready' ? [live[0]] : []) : this.ready(lane.id);
      return some.slice(0, lane.held === 'probing' || lane.ordered ? Math.min(room, 1) : room);
    }

    claimed(known: readonly Known[], got: readonly Job[], runner: number): void {
      expect(got.map(({ payload }) => payload.n)).toEqual(known.map(({ n }) => n));
      for (const [index, job] of known.entries())
        Object.assign(job, { state: 'active', runner, job: got[index], due: false });
    }

    end(known: Known, state: Known['state']): void {
      if (known.job) this.lost.push(known.job);
      Object.assign(known, { state, job: undefined, runner: 0, due: false });
    }

    async die({ runner, times }: { runner: 1 | 2; times: number }): Promise<void> {
      for (let round = 0; round < times; round += 1) {
        await this.run({ do: 'claim', runner, limit: 2 });
        await this.run({ do: 'crash', runner });
        await this.run({ do: 'sweep', runner: runner === 1 ? 2 : 1 });
      }
    }

    async run(step: Command): Promise<void> {
      switch (step.do) {
        case 'add': {
          this.#count += 1;
          const n = this.#count;
          const lane = step.lane === 2 ? 0 : this.lanes[step.lane]!.id;
          const { priority, later } = step;
          const delay = later ? 3_600_000 : 0;
          await inTransaction(ctx, async (tx) =>
            jobs.add(tx, { kind: 'model', queue: 'system', payload: { n }, priority, lane, delay }),
          );
          const state = later ? 'waiting' : 'ready';
          this.jobs.push({ n, priority, lane, state, runner: 0, attempts: 0, crashes: 0, due: false });
          return;
        }
        case 'claim': {
          const got = await claims.claim(dbOf(step.runner), { id: step.runner }, step.limit);
          return this.claimed(this.ready(0).slice(0, step.limit), got, step.runner);
        }
        case 'claimLanes': {
          const got = await claimLanes(dbOf(step.runner), { id: step.runner }, () => step.room);
          for (const lane of this.lanes)
            this.claimed(
              this.expected(lane, step.runner, step.room),
              got.filter((job) => job.lane === lane.id),
              step.runner,
            );
          return;
        }
        case 'complete': {
          const known = this.of('active', step.pick);
          if (!known) return;
          await inTransaction(ctx, async (tx) => jobs.complete(tx, known.job!));
          return this.end(known, 'done');
        }
        case 'retry': {
          const known = this.of('active', step.pick);
          if (!known) return;
          const verdict = { retryIn: 3_600_000, reason: 'again', spends: step.spends };
          await inTransaction(ctx, (tx) => jobs.retry(tx, known.job!, verdict));
          if (step.spends) known.attempts += 1;
          return this.end(known, 'waiting');
        }
        case 'bury': {
          const known = this.of('active', step.pick);
          if (!known) return;
          await inTransaction(ctx, (tx) => jobs.bury(tx, known.job!, 'end', step.keep));
          if (step.keep) known.attempts += 1;
          return this.end(known, step.keep ? 'dead' : 'done');
        }
        case 'cancel': {
          const live = this.jobs.filter(({ state }) => ['waiting', 'ready', 'active'].includes(state));
          const known = live[step.pick % Math.max(live.length, 1)];
          if (!known) return;
          const id = await this.idOf(known);
          expect(await jobs.cancel(ctx, id)).toBe(true);
          await site.database.execute('DELETE FROM jobs WHERE id = ?', [id]);
          return this.end(known, 'done');
        }
        case 'release': {
          const known = this.of('active', step.pick);
          if (!known) return;
          await leases.release(dbOf(known.runner), [known.job!]);
          return this.end(known, 'ready');
        }
        case 'zombie': {
          const job = this.lost[step.pick % Math.max(this.lost.length, 1)];
          if (!job) return;
          if (step.how === 'report') return expect(await jobs.report(ctx, job, {})).toBe(false);
          const late = inTransaction(ctx, async (tx) => {
            if (step.how === 'complete') jobs.complete(tx, job);
            else if (step.how === 'retry') await jobs.retry(tx, job, { retryIn: 0, reason: 'late' });
            else await jobs.bury(tx, job, 'late', true);
          });
          return expect(late).rejects.toBeInstanceOf(jobs.LostLease);
        }
        case 'crash': {
          await site.database.execute(
            "UPDATE jobs SET lease_until = 1, begun = TRUE WHERE state = 'active' AND runner_id = ?",
            [step.runner],
          );
          for (const job of this.jobs) if (job.state === 'active' && job.runner === step.runner) job.due = true;
          return;
        }
        case 'heartbeat': {
          const ids = this.jobs.flatMap(({ job, runner }) => (job && runner === step.runner ? [job.id] : []));
          await leases.heartbeat(dbOf(step.runner), { id: step.runner }, ids);
          for (const job of this.jobs) if (job.state === 'active' && job.runner === step.runner) job.due = false;
          return;
        }
        case 'sweep': {
          const late = this.jobs.filter(({ state, due }) => state === 'active' && due);
          const hopeless = late.filter(({ crashes }) => crashes >= 9);
          const given = await leases.sweep(dbOf(step.runner), { id: step.runner });
          for (const job of late) {
            this.end(job, 'ready');
            if (!hopeless.includes(job)) job.crashes += 1;
          }
          given.sort((one, two) => one.id - two.id);
          return this.claimed(hopeless, given, step.runner);
        }
        case 'promote': {
          const known = this.of('waiting', step.pick);
          if (known) await site.database.execute('UPDATE jobs SET run_at = 1 WHERE id = ?', [await this.idOf(known)]);
          await claims.promote(site.database);
          if (known) known.state = 'ready';
          return;
        }
        case 'hold': {
          const lane = this.lanes[step.lane]!;
          await inTransaction(ctx, (tx) => lanes.hold(tx, lane.id, step.over ? -1_000 : 3_600_000));
          lane.held = step.over ? 'probing' : 'held';
          return;
        }
        case 'free': {
          const lane = this.lanes[step.lane]!;
          await inTransaction(ctx, (tx) => lanes.free(tx, lane.id));
          lane.held = 'no';
        }
      }
    }

    async idOf({ n }: Known): Promise<number> {
      const rows = await site.database.query<Row>('SELECT id, payload FROM jobs ORDER BY id');
      return rows.find(({ payload }) => JSON.parse(payload as string).n === n)!.id as number;
    }

    /** The table holds what the model does, and nothing else. */
    async compare(): Promise<void> {
      const sql = 'SELECT payload, state, runner_id, attempts, crashes FROM jobs ORDER BY id';
      const rows = (await site.database.query<Row>(sql)).map(({ payload, state, runner_id, attempts, crashes }) => [
        JSON.parse(payload as string).n,
        state,
        runner_id ?? 0,
        attempts,
        crashes,
      ]);
      const known = this.jobs.filter(({ state }) => state !== 'done');
      expect(rows).toEqual(
        known.map(({ n, state, runner, attempts, crashes }) => [n, state, runner, attempts, crashes]),
      );
    }
  }

  it('does what the model does', async () => {
    const seed = Number(process.env.ASSETRA_TEST_SEED ?? Date.now() % 2 ** 31);
    process.stderr.write(`model of the job engine on ${dialect}: ASSETRA_TEST_SEED=${seed}\n`);
    let runs = 0;
    let last: Promise<unknown> = Promise.resolve();
    const commands = fc.array(fc.oneof({ weight: 30, arbitrary: command }, { weight: 1, arbitrary: dying }), {
      minLength: 20,
      maxLength: 80,
      size: 'max',
    });
    const property = fc.asyncProperty(commands, (steps) => {
      const run = async () => {
        const world = new World();
        await world.begin();
        for (const step of steps) await (step.do === 'dying' ? world.die(step) : world.run(step));
        await world.compare();
        runs += 1;
      };
      const done = run();
      last = done.catch(() => undefined);
      return done;
    });
    await fc.assert(property, { seed, numRuns: 1_000, interruptAfterTimeLimit: 8_000 });
    // What was interrupted still runs.
    await last;
    expect(runs).toBeGreaterThan(2);
  }, 60_000);
});
