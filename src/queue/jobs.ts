/** Jobs: written in the transaction of the change that causes them, and completed in the one that holds their effect. */
import { AppError } from '../base/errors.ts';
import { type Context, timestamp } from '../db/context.ts';
import type { Db } from '../db/database.ts';
import type { Value } from '../db/dialect.ts';
import { UniqueViolation } from '../db/errors.ts';
import { listOf } from '../db/lists.ts';
import type { Job, Retry } from './kind.ts';
import { wake } from './wake.ts';

export interface NewJob {
  kind: string;
  queue: string;
  payload: object;
  tenant?: number | null;
  /** One that a runner works through by itself: see lanes.ts. */
  lane?: number;
  /** Lower ones first; 0 unless said. */
  priority?: number;
  /** ms from now, by the database's clock. */
  delay?: number;
  /** 5 unless said. */
  maxAttempts?: number;
  /** While one with this key waits or runs, there is no second. */
  unique?: string;
  /** The row stays when it is done, for whoever follows its progress. */
  keep?: boolean;
}

const usualAttempts = 5;

/** The runner was too slow, and the job is another's now: whatever this one did in its transaction is undone. */
export class LostLease extends AppError {
  constructor() {
    super('lost_lease', 409, 'The job was given to another runner meanwhile.');
  }
}

/** Adds a job that is written, with all others of the transaction, just before its commit. */
export function add(ctx: Context, job: Omit<NewJob, 'unique'>): void {
  ctx.db.beforeCommit(flush, { ...rowOf(ctx, job), delay: job.delay ?? 0 });
  ctx.db.afterCommit(wake);
}

type Waiting = ReturnType<typeof rowOf> & { delay: number };

/** Those that are due at once share the statement's clock; the few that are not ask for the time. */
async function flush(tx: Db, jobs: Waiting[]): Promise<void> {
  const now = jobs.some(({ delay }) => delay > 0) ? await clockOf(tx) : 0;
  await tx.insertMany(
    'jobs',
    jobs.map(({ delay, ...row }) => (delay > 0 ? { ...row, state: 'waiting', run_at: now + delay } : row)),
  );
}

/** Writes a job at once. `known`: one with its `unique` key waits or runs already, and is the one that is answered. */
export async function start(ctx: Context, job: NewJob): Promise<{ id: number; known: boolean }> {
  const { db } = ctx;
  const later = job.delay ? { state: 'waiting', run_at: (await clockOf(db)) + job.delay } : {};
  const row = { ...rowOf(ctx, job), ...later, active_key: job.unique ?? null };
  try {
    const id = await db.savepoint(() => db.insert('jobs', row));
    db.afterCommit(wake);
    return { id, known: false };
  } catch (error) {
    if (!(error instanceof UniqueViolation) || job.unique === undefined) throw error;
    const [known] = await db.query<{ id: number }>('SELECT id FROM jobs WHERE active_key = ?', [job.unique]);
    // It was completed between the two statements.
    if (!known) return start(ctx, job);
    return { id: known.id, known: true };
  }
}

/** Now, by the database's clock, in ms since 1970. */
export async function clockOf(db: Db): Promise<number> {
  const [row] = await db.query<{ now: number }>(`SELECT ${db.clock} AS now`);
  return Number(row!.now);
}

function rowOf(ctx: Context, job: NewJob) {
  const now = timestamp(ctx);
  return {
    tenant_id: job.tenant ?? null,
    queue: job.queue,
    kind: job.kind,
    lane_id: job.lane ?? 0,
    state: 'ready',
    priority: job.priority ?? 0,
    // Due since ever: among those that need not wait, the oldest id is first.
    run_at: 0,
    max_attempts: job.maxAttempts ?? usualAttempts,
    payload: JSON.stringify(job.payload),
    progress: '{}',
    keep: job.keep ?? false,
    last_error: '',
    created_at: now,
    updated_at: now,
  };
}

type Claimed = Pick<Job, 'id' | 'token'>;

/** Marks the job done with the transaction; LostLease at its commit when the job is another's by then. */
export function complete(ctx: Context, { id, token }: Claimed): void {
  ctx.db.beforeCommit(completeAll, { id, token, at: timestamp(ctx) });
}

type Completed = Claimed & { at: string };

/** All of a transaction with one statement, each under the token of its own claim. */
async function completeAll(tx: Db, jobs: Completed[]): Promise<void> {
  const { marks, params: ids } = listOf(jobs.map(({ id }) => id));
  const { text, params: tokens } = tokenOf(jobs);
  const held = `state = 'active' AND id IN ${marks} AND lease_token = ${text}`;
  const gone = await tx.execute(`DELETE FROM jobs WHERE keep = ? AND ${held}`, [false, ...ids, ...tokens]);
  if (gone === jobs.length) return;
  const sql = `UPDATE jobs SET ${released}, state = 'done', active_key = NULL, finished_at = ?, updated_at = ? WHERE ${held}`;
  const { at } = jobs[0]!;
  const kept = await tx.execute(sql, [at, at, ...ids, ...tokens]);
  if (gone + kept < jobs.length) throw new LostLease();
}

/** The token under which a job is to be completed, as SQL. */
function tokenOf(jobs: readonly Claimed[]): { text: string; params: Value[] } {
  const [first] = jobs;
  if (jobs.every(({ token }) => token === first!.token)) return { text: '?', params: [first!.token] };
  const { params: cases } = listOf(jobs.map((_, index) => index));
  const text = `CASE id ${cases.map(() => 'WHEN ? THEN ?').join(' ')} END`;
  return { text, params: cases.flatMap((index) => [jobs[index]!.id, jobs[index]!.token]) };
}

const released = 'runner_id = NULL, lease_token = NULL, lease_until = NULL';

/** Puts the job back until its time comes. */
export async function retry(ctx: Context, job: Claimed, { retryIn, reason, spends = true }: Retry): Promise<void> {
  const sql =
    `UPDATE jobs SET ${released}, state = 'waiting', run_at = ${ctx.db.clock} + ?, attempts = attempts + ?, ` +
    'last_error = ?, updated_at = ?';
  await fenced(ctx, sql, [Math.max(0, Math.round(retryIn)), spends ? 1 : 0, reason, timestamp(ctx)], job);
}

/** Gives the job up: it is a dead letter until someone replays or purges it, or nothing at all when it is not to be kept. */
export async function bury(ctx: Context, job: Claimed, reason: string, keep: boolean): Promise<void> {
  const now = timestamp(ctx);
  if (!keep) return fenced(ctx, 'DELETE FROM jobs', [], job);
  const sql =
    `UPDATE jobs SET ${released}, state = 'dead', active_key = NULL, attempts = attempts + 1, last_error = ?, ` +
    'finished_at = ?, updated_at = ?';
  await fenced(ctx, sql, [reason, now, now], job);
}

async function fenced(ctx: Context, sql: string, params: Value[], { id, token }: Claimed): Promise<void> {
  const where = "WHERE id = ? AND lease_token = ? AND state = 'active'";
  if ((await ctx.db.execute(`${sql} ${where}`, [...params, id, token])) === 0) throw new LostLease();
}

/** What the job has done so far, for whoever follows it. Answers false once someone has cancelled it. */
export async function report(ctx: Context, { id, token }: Claimed, progress: object): Promise<boolean> {
  const sql = "UPDATE jobs SET progress = ?, updated_at = ? WHERE id = ? AND lease_token = ? AND state = 'active'";
  return (await ctx.db.execute(sql, [JSON.stringify(progress), timestamp(ctx), id, token])) > 0;
}

/** Takes a job back that nobody needs any more; one that runs notices at its next `report`, or at its end. */
export async function cancel(ctx: Context, id: number): Promise<boolean> {
  const now = timestamp(ctx);
  const sql =
    `UPDATE jobs SET ${released}, state = 'done', active_key = NULL, last_error = 'cancelled', finished_at = ?, updated_at = ? ` +
    "WHERE id = ? AND state IN ('waiting', 'ready', 'active')";
  return (await ctx.db.execute(sql, [now, now, id])) > 0;
}

export interface SeenJob {
  kind: string;
  tenant: number | null;
  state: 'waiting' | 'ready' | 'active' | 'done' | 'dead';
  payload: Record<string, unknown>;
  progress: Record<string, unknown>;
  last_error: string;
  created_at: string;
  finished_at: string | null;
}

/** How a job stands, for whoever started it; undefined when it is done and was not to be kept. */
export async function see(ctx: Context, id: number): Promise<SeenJob | undefined> {
  const sql =
    'SELECT kind, tenant_id AS tenant, state, payload, progress, last_error, created_at, finished_at FROM jobs WHERE id = ?';
  const [row] = await ctx.db.query<SeenJob & { payload: string; progress: string }>(sql, [id]);
  return row && { ...row, payload: JSON.parse(row.payload), progress: JSON.parse(row.progress) };
}
