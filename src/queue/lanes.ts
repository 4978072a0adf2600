/**
 * A lane keeps jobs that must not delay others, nor each other's receiver: a webhook endpoint, a printer. One runner at a
 * time works through it and has no more than `max_in_flight` of its jobs under way.
 */
import { type Context, timestamp } from '../db/context.ts';
import { listOf } from '../db/lists.ts';
import { clockOf } from './jobs.ts';
import { wake } from './wake.ts';

export interface LaneSettings {
  max_in_flight: number;
  /** Its jobs go one by one in the order they came, and one that fails holds up those behind it. */
  ordered: boolean;
  /** Jobs begun in a second, at most; null is as many as go. */
  rate_per_s: number | null;
}

export const usualLane: LaneSettings = { max_in_flight: 4, ordered: false, rate_per_s: null };

export function make(ctx: Context, queue: string, settings: Partial<LaneSettings> = {}): Promise<number> {
  const now = timestamp(ctx);
  return ctx.db.insert('job_lanes', { queue, ...usualLane, ...settings, created_at: now, updated_at: now });
}

export async function set(ctx: Context, lane: number, settings: LaneSettings): Promise<void> {
  const sql = 'UPDATE job_lanes SET max_in_flight = ?, ordered = ?, rate_per_s = ?, updated_at = ? WHERE id = ?';
  const { max_in_flight, ordered, rate_per_s } = settings;
  await ctx.db.execute(sql, [max_in_flight, ordered, rate_per_s, timestamp(ctx), lane]);
}

/** Nobody takes a job of the lane for that many ms; after that one at a time, until it is freed. */
export async function hold(ctx: Context, lane: number, ms: number): Promise<void> {
  const until = (await clockOf(ctx.db)) + Math.round(ms);
  await ctx.db.execute('UPDATE job_lanes SET held_until = ? WHERE id = ?', [until, lane]);
}

export async function free(ctx: Context, lane: number): Promise<void> {
  await ctx.db.execute('UPDATE job_lanes SET held_until = NULL WHERE id = ?', [lane]);
}

/** What waits in the lane for its next attempt has it now. */
export async function hurry(ctx: Context, lane: number): Promise<void> {
  if (lane === 0) return;
  await ctx.db.execute("UPDATE jobs SET run_at = 0 WHERE lane_id = ? AND state = 'waiting'", [lane]);
  ctx.db.afterCommit(wake);
}

/** Takes jobs of the lane away for which `are` holds; a runner that has one notices at its next report, or at its end. */
export async function removeJobs(
  { db }: Context,
  lane: number,
  are: (payload: Record<string, unknown>) => boolean,
): Promise<void> {
  const rows = await db.query<{ id: number; payload: string }>('SELECT id, payload FROM jobs WHERE lane_id = ?', [
    lane,
  ]);
  const found = rows.filter(({ payload }) => are(JSON.parse(payload))).map(({ id }) => id);
  if (found.length === 0) return;
  const { marks, params } = listOf(found);
  await db.execute(`DELETE FROM jobs WHERE id IN ${marks}`, params);
}

/** The lane and every job in it. */
export async function remove(ctx: Context, lane: number): Promise<void> {
  if (lane === 0) return;
  await ctx.db.execute('DELETE FROM jobs WHERE lane_id = ?', [lane]);
  await ctx.db.execute('DELETE FROM job_lanes WHERE id = ?', [lane]);
}
