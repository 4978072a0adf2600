/**
 * How an endpoint fares, in one row that all runners share. The breaker opens when most of what was tried lately failed; then
 * its lane is held, no attempt is spent, and one delivery at a time finds out whether it works again.
 */
import { type Context, timestamp } from '../../db/context.ts';
import type { Db } from '../../db/database.ts';

/** Of so many attempts within the window, that share must have failed. */
const leastAttempts = 10;
const share = 0.7;
const window = 5 * 60_000;
/** Between two probes of an open breaker, doubled from the first to the last. In ms. */
const firstPause = 30_000;
const lastPause = 15 * 60_000;
/** As long as a receiver may have all its deliveries wait by Retry-After. In ms. */
const longestThrottle = 15 * 60_000;
/** Fewer failures in a row do not make a dead endpoint, however long ago the first was. */
const leastFailures = 10;
/** After so many hours of nothing but failures it is warned of, once each. */
const warnings = [4, 24];

export type State = 'closed' | 'open' | 'throttled';

export interface Health {
  state: State;
  held_until: string | null;
  pause_ms: number;
  window_started_at: string | null;
  window_attempts: number;
  window_failures: number;
  failing_since: string | null;
  failures: number;
  /** The last of the warnings that there was; 0 before the first. */
  warned_hours: number;
}

const columns =
  'state, held_until, pause_ms, window_started_at, window_attempts, window_failures, failing_since, failures, warned_hours';

export const begin = (ctx: Context, endpoint: number): Promise<void> =>
  ctx.db.insertMany('webhook_health', [
    { endpoint_id: endpoint, state: 'closed', pause_ms: 0, window_attempts: 0, window_failures: 0, failures: 0 },
  ]);

export async function healthOf(ctx: Context, endpoint: number, lock = false): Promise<Health | undefined> {
  const sql = `SELECT ${columns} FROM webhook_health WHERE endpoint_id = ?${lock ? ctx.db.forUpdate : ''}`;
  return (await ctx.db.query<Health>(sql, [endpoint]))[0];
}

export interface Strain {
  /** How long nobody is to try its lane, in ms. */
  hold: number | undefined;
  /** The breaker opened with this failure. */
  opened: boolean;
  /** Nothing but failures since then. */
  since: string;
  failures: number;
  /** This failure is the first after so many hours of nothing else that one is to be warned of. */
  warns: number | undefined;
}

/** Writes a failed attempt down and answers what follows. `throttle`: what the receiver asks to wait, in s. */
export async function failed(ctx: Context, endpoint: number, throttle: number): Promise<Strain | undefined> {
  const was = await healthOf(ctx, endpoint, true);
  if (!was) return undefined;
  const { opened, hold, ...now } = next(was, ctx.now(), throttle);
  const set = Object.keys(now).map((column) => `${column} = ?`);
  const sql = `UPDATE webhook_health SET ${set.join(', ')} WHERE endpoint_id = ?`;
  await ctx.db.execute(sql, [...Object.values(now), endpoint]);
  const warns = now.warned_hours > was.warned_hours ? now.warned_hours : undefined;
  return { hold, opened, since: now.failing_since!, failures: now.failures, warns };
}

/** The row after a failure. */
export function next(was: Health, now: Date, throttle: number): Health & { opened: boolean; hold: number | undefined } {
  const at = now.toISOString();
  const later = (ms: number) => new Date(now.getTime() + ms).toISOString();
  const current = was.window_started_at !== null && was.window_started_at > later(-window);
  const counted = {
    ...was,
    window_started_at: current ? was.window_started_at : at,
    window_attempts: (current ? was.window_attempts : 0) + 1,
    window_failures: (current ? was.window_failures : 0) + 1,
    failing_since: was.failing_since ?? at,
    failures: was.failures + 1,
    warned_hours: warningOf(was, now),
  };
  const held = (state: State, hold: number, pause_ms = 0) => ({
    ...counted,
    state,
    hold,
    pause_ms,
    held_until: later(hold),
  });
  if (was.state === 'open') {
    // One that was under way when the breaker opened says nothing new.
    if (was.held_until! > at) return { ...counted, opened: false, hold: Date.parse(was.held_until!) - now.getTime() };
    const pause = Math.min(was.pause_ms * 2, lastPause);
    return { ...held('open', pause, pause), opened: false };
  }
  const { window_attempts, window_failures } = counted;
  if (window_attempts >= leastAttempts && window_failures / window_attempts >= share)
    return { ...held('open', firstPause, firstPause), opened: true };
  if (throttle > 0) return { ...held('throttled', Math.min(throttle * 1_000, longestThrottle)), opened: false };
  return { ...counted, opened: false, hold: undefined };
}

const hoursSince = (since: string, now: Date): number => (now.getTime() - Date.parse(since)) / 3_600_000;

function warningOf({ failing_since, failures, warned_hours }: Health, now: Date): number {
  if (failing_since === null || failures + 1 < leastFailures) return warned_hours;
  const hours = hoursSince(failing_since, now);
  return Math.max(warned_hours, ...warnings.filter((warning) => hours >= warning));
}

/** Whether nothing has worked for so many days that the endpoint is taken for dead; 0 days is never. */
export const isDead = ({ since, failures }: Strain, now: Date, days: number): boolean =>
  days > 0 && failures >= leastFailures && hoursSince(since, now) > days * 24;

const unwarned = 'failures = 0, warned_hours = 0';

/** Writes a success down with those of the same transaction. `was`: how it fared when the attempt began. */
export async function succeeded(
  ctx: Context,
  endpoint: number,
  was: Pick<Health, 'state' | 'failing_since'>,
): Promise<void> {
  if (was.state !== 'closed') await clear(ctx, endpoint);
  else if (was.failing_since !== null)
    await ctx.db.execute(`UPDATE webhook_health SET failing_since = NULL, ${unwarned} WHERE endpoint_id = ?`, [
      endpoint,
    ]);
  ctx.db.beforeCommit(tally, { endpoint, at: timestamp(ctx) });
}

/** As if nothing had ever failed. */
export const clear = (ctx: Context, endpoint: number): Promise<void> => reset(ctx, endpoint, 'NULL');

/** As if it had begun to fail only now, if it fails: so the next success still brings its dead letters back. */
export const forgive = (ctx: Context, endpoint: number): Promise<void> =>
  reset(ctx, endpoint, 'CASE WHEN failing_since IS NULL THEN NULL ELSE ? END', [timestamp(ctx)]);

async function reset(ctx: Context, endpoint: number, since: string, params: string[] = []): Promise<void> {
  const sql =
    "UPDATE webhook_health SET state = 'closed', held_until = NULL, pause_ms = 0, window_started_at = NULL, " +
    `window_attempts = 0, window_failures = 0, failing_since = ${since}, ${unwarned} WHERE endpoint_id = ?`;
  await ctx.db.execute(sql, [...params, endpoint]);
}

/** An active endpoint whose latest attempts failed. */
export interface Failing {
  name: string;
  since: string;
  /** Long enough to have been warned of. */
  long: boolean;
}

/** Of all tenants. */
export async function failing(ctx: Pick<Context, 'db'>): Promise<Failing[]> {
  const sql =
    'SELECT e.name, h.failing_since AS since, h.warned_hours FROM webhook_health h ' +
    'JOIN webhook_endpoints e ON e.id = h.endpoint_id WHERE h.failing_since IS NOT NULL AND e.is_active = ? ORDER BY e.id';
  const rows = await ctx.db.query<Omit<Failing, 'long'> & { warned_hours: number }>(sql, [true]);
  return rows.map(({ name, since, warned_hours }) => ({ name, since, long: warned_hours > 0 }));
}

/** How fresh an endpoint's `last_delivery_at` is kept, in ms: its row is wanted by every new delivery. */
const freshness = 1_000;

interface Success {
  endpoint: number;
  at: string;
}

/** Successes of one transaction: two statements an endpoint, in one order for all. */
async function tally(tx: Db, successes: Success[]): Promise<void> {
  const endpoints = [...new Set(successes.map(({ endpoint }) => endpoint))].sort((one, two) => one - two);
  for (const endpoint of endpoints) {
    const own = successes.filter((success) => success.endpoint === endpoint);
    const { at } = own.at(-1)!;
    const earliest = new Date(Date.parse(at) - window).toISOString();
    // MySQL reads a column that was just set as set: the start of the window goes last.
    const sql =
      'UPDATE webhook_health SET window_attempts = CASE WHEN window_started_at > ? THEN window_attempts ELSE 0 END + ?, ' +
      'window_failures = CASE WHEN window_started_at > ? THEN window_failures ELSE 0 END, ' +
      'window_started_at = CASE WHEN window_started_at > ? THEN window_started_at ELSE ? END WHERE endpoint_id = ?';
    await tx.execute(sql, [earliest, own.length, earliest, earliest, at, endpoint]);
  }
  for (const endpoint of endpoints) {
    const { at } = successes.findLast((success) => success.endpoint === endpoint)!;
    const stale = new Date(Date.parse(at) - freshness).toISOString();
    const sql =
      'UPDATE webhook_endpoints SET last_delivery_at = ? WHERE id = ? AND (last_delivery_at IS NULL OR last_delivery_at < ?)';
    await tx.execute(sql, [at, endpoint, stale]);
  }
}
