/** What a job is to those who write one: its payload, its work, and what may come of it. */
import type { Context } from '../db/context.ts';
import type { NewJob } from './jobs.ts';

/** What `assetra work --queues` may name. */
export const queueNames = ['webhooks', 'workflows', 'labels', 'exports', 'system'] as const;

export interface Job<P = Record<string, unknown>> {
  id: number;
  kind: string;
  queue: string;
  tenant: number | null;
  /** 0: none. */
  lane: number;
  payload: P;
  /** Attempts that failed before this one. */
  attempts: number;
  maxAttempts: number;
  /** Runners that died while they had it. */
  crashes: number;
  /** Names this claim of it; whoever comes with an older one has lost it. */
  token: string;
}

export interface Retry {
  /** ms from now, by the database's clock. */
  retryIn: number;
  reason: string;
  /** False: it does not count as an attempt. */
  spends?: boolean;
  /** ms: nobody takes a job of the lane before. After that one is taken at a time, until one says `freeLane`. */
  holdLane?: number;
}

/** What came of a job; nothing said is done. */
export type Verdict = undefined | Retry | { dead: string; holdLane?: number } | { done: true; freeLane: true };

/** One kind of job. `R` is what `perform` hands to `settle`. */
export interface JobKind<P = Record<string, unknown>, R = unknown> {
  kind: string;
  queue: string;
  /** It writes for long: its transaction is not shared with others that wait. */
  long?: boolean;
  /** It ends by itself soon after it is asked to: `signal` then comes as soon as the runner is to stop. */
  yields?: boolean;
  /** The effect outside the database, before any transaction; it may come twice, so whoever receives it must be able to tell. */
  perform?(ctx: Context, job: Job<P>, signal: AbortSignal): Promise<R>;
  /** Whether its lane may go on before what came of it is written down; not where that may hold the lane. */
  early?(result: R): boolean;
  /** The effect in the database; `ctx.db` is the transaction that also completes the job. It may run again from the start. */
  settle(ctx: Context, job: Job<P>, result: R): Promise<Verdict>;
  /** In the transaction that gives the job up. Unless the answer says no, the dead job is kept as a dead letter. */
  gaveUp?(ctx: Context, job: Job<P>, reason: string): Promise<{ keep: boolean } | undefined>;
}

// biome-ignore lint/suspicious/noExplicitAny: a list of kinds is a list of different payloads.
export type AnyKind = JobKind<any, any>;

/** A job that the clock starts, once per tick however many runners there are. */
export interface Schedule {
  /** Names it among all, for ever: the ticks that were are kept by it. */
  task: string;
  /** Five fields, or six with seconds in front. */
  cron: string;
  /** IANA name. */
  timezone: string;
  job: NewJob;
  /** When it was last changed, in ms since 1970: ticks from before are not made up for. */
  since?: number;
}
