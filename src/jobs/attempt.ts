/** One attempt at a job, from its kind's work to the row that says what came of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable } from '../base/errors.ts';
import { metrics } from '../base/metrics.ts';
import { type Context, inShared, inTransaction } from '../db/context.ts';
import * as jobs from '../queue/jobs.ts';
import type { AnyKind, Job, Verdict } from '../queue/kind.ts';
import * as lanes from '../queue/lanes.ts';

/** `held`: nobody is to work in its lane now. `lost`: another runner has it. `abandoned`: the database could not be told. */
export type Outcome = 'done' | 'retry' | 'dead' | 'held' | 'lost' | 'abandoned';

/** Tries at telling a database that is away, in ms of pause: what was done outside is done, and is not to come twice. */
const pauses = [250, 1_000, 2_000, 4_000];
/** A job of a kind that this program does not know is for a newer one. */
const unknownPause = 60_000;
/** Nothing is done for a disabled tenant, and nothing is lost. */
const disabledPause = 3_600_000;

/** Ms before attempt `failed` + 1: min(5·2^(failed−1), 3600) s × U(1.0, 1.1), so never before the formula's time. */
export const backoff = (failed: number): number =>
  Math.min(5 * 2 ** (failed - 1), 3_600) * 1_000 * (1 + Math.random() / 10);

/** Work that is done, and not yet written down. */
export interface Performed {
  job: Job;
  /** By the clock that nobody sets. */
  began: number;
  /** Its lane need not wait for that. */
  early: boolean;
  /** What came of it: something that may be asked again, or a fault. */
  outcome: { decide: (tx: Context) => Promise<Verdict> } | { fault: unknown };
  /** What it began with: though its tenant was disabled meanwhile, it is told with that. */
  ctx?: Context;
}

export class Attempts {
  readonly #kinds: Map<string, AnyKind>;
  readonly #contextOf: (job: Job) => Promise<Context>;
  readonly #signal: AbortSignal;
  readonly #yielding: AbortSignal;

  /** `yielding` comes as soon as the runner is to stop, `signal` when it has waited long enough. */
  constructor(
    kinds: readonly AnyKind[],
    contextOf: (job: Job) => Promise<Context>,
    signal: AbortSignal,
    yielding: AbortSignal = signal,
  ) {
    this.#kinds = new Map(kinds.map((kind) => [kind.kind, kind]));
    this.#contextOf = contextOf;
    this.#signal = signal;
    this.#yielding = yielding;
  }

  /** The work outside the database. Never rejects. */
  async perform(job: Job): Promise<Performed> {
    const begun = { job, began: performance.now(), early: false };
    const kind = this.#kinds.get(job.kind);
    if (!kind) return { ...begun, outcome: { decide: async () => unknownKind } };
    try {
      const ctx = await this.#contextOf(job);
      if (isDisabled(job, ctx)) return { ...begun, outcome: { decide: async () => disabledTenant } };
      const result: unknown =
        kind.perform && (await kind.perform(ctx, job, kind.yields ? this.#yielding : this.#signal));
      const early = kind.early?.(result) ?? false;
      return { ...begun, early, outcome: { decide: (tx) => kind.settle(tx, job, result) }, ctx };
    } catch (fault) {
      return { ...begun, outcome: { fault } };
    }
  }

  /** Writes down what came of it. Never rejects. */
  async tell({ job, began, outcome: came, ctx }: Performed): Promise<Outcome> {
    const outcome = await ('fault' in came ? this.#failed(job, came.fault) : this.#told(job, came.decide, ctx));
    const kind = { kind: job.kind };
    metrics.jobDuration.observe(kind, (performance.now() - began) / 1_000);
    metrics.jobs.inc({ ...kind, outcome });
    return outcome;
  }

  /** A job that too many runners died with. Never rejects. */
  async giveUp(job: Job): Promise<void> {
    const reason = `${job.crashes + 1} runners ended while they had this job.`;
    await this.#told(job, async (tx) => (isDisabled(job, tx) ? disabledTenant : { dead: reason }));
    metrics.jobs.inc({ kind: job.kind, outcome: 'dead' });
  }

  /** What came of it, in one transaction with whatever the kind writes. */
  async #told(job: Job, decide: (tx: Context) => Promise<Verdict>, known?: Context): Promise<Outcome> {
    const kind = this.#kinds.get(job.kind);
    const verdict = async (tx: Context) => write(tx, kind, job, await decide(tx));
    for (let round = 0; ; round += 1) {
      try {
        const ctx = known ?? (await this.#contextOf(job));
        return await (kind?.long ? inTransaction(ctx, verdict) : inShared(ctx, verdict));
      } catch (error) {
        if (error instanceof jobs.LostLease) return 'lost';
        if (!(error instanceof Unavailable)) return this.#failed(job, error);
        if (round === pauses.length || this.#signal.aborted) return 'abandoned';
        await sleep(pauses[round]);
      }
    }
  }

  async #failed(job: Job, error: unknown): Promise<Outcome> {
    // Broken off because the runner stops is no fault of the job.
    if (error instanceof Unavailable || this.#signal.aborted || this.#yielding.aborted) return 'abandoned';
    const ctx = await this.#contextOf(job).catch(() => undefined);
    if (!ctx) return 'abandoned';
    const { message } = error as Error;
    const log = () => ctx.log.error({ err: error, job_id: job.id, kind: job.kind }, 'A job failed.');
    try {
      const outcome = await inTransaction(ctx, (tx) =>
        write(tx, this.#kinds.get(job.kind), job, { retryIn: backoff(job.attempts + 1), reason: message }),
      );
      log();
      return outcome;
    } catch (again) {
      // It is gone, or another's: what failed here is no news.
      if (again instanceof jobs.LostLease) return 'lost';
      log();
      return 'abandoned';
    }
  }
}

const isDisabled = (job: Job, { tenant }: Context): boolean => job.tenant !== null && tenant === null;

const unknownKind: Verdict = {
  retryIn: unknownPause,
  reason: 'This version of assetra does not know this kind of job.',
  spends: false,
};

const disabledTenant: Verdict = {
  retryIn: disabledPause,
  reason: 'The tenant is disabled.',
  spends: false,
};

/** The verdict in rows. A retry that would be one attempt too many is the end. */
async function write(tx: Context, kind: AnyKind | undefined, job: Job, verdict: Verdict): Promise<Outcome> {
  if (verdict === undefined || 'done' in verdict) {
    jobs.complete(tx, job);
    if (verdict) await lanes.free(tx, job.lane);
    return 'done';
  }
  if (verdict.holdLane !== undefined) await lanes.hold(tx, job.lane, verdict.holdLane);
  const held = verdict.holdLane === undefined ? undefined : 'held';
  if ('dead' in verdict) {
    await kill(tx, kind, job, verdict.dead);
    return held ?? 'dead';
  }
  if (verdict.spends !== false && job.attempts + 1 >= job.maxAttempts) {
    await kill(tx, kind, job, verdict.reason);
    return held ?? 'dead';
  }
  await jobs.retry(tx, job, verdict);
  return held ?? 'retry';
}

async function kill(tx: Context, kind: AnyKind | undefined, job: Job, reason: string): Promise<undefined> {
  const said = await kind?.gaveUp?.(tx, job, reason);
  await jobs.bury(tx, job, reason, said?.keep ?? true);
}
