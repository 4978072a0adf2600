/** Guessing is slow: after five failures a name is locked for its address, longer each time; kept in the database. */
import { TooMany } from '../../base/errors.ts';
import { sha256 } from '../../base/ids.ts';
import { type Context, inTransaction, timestamp } from '../../db/context.ts';
import { UniqueViolation } from '../../db/errors.ts';

/** Failures are forgotten this long after the last, or after the lock that it brought, in ms. */
const memory = 15 * 60_000;
const firstLock = 30_000;
const longestLock = 15 * 60_000;

interface Subject {
  key: string;
  /** Failures that cost nothing. */
  free: number;
}

interface AttemptRow {
  failures: number;
  updated_at: string;
  locked_until: string | null;
}

/** A name from one address, and everything from that address: a list of names is as good as a list of passwords. */
const subjectsOf = (username: string, address: string): [Subject, Subject] => [
  { key: `name:${sha256(`${username.toLowerCase()}|${address}`)}`, free: 5 },
  { key: `address:${address}`.slice(0, 255), free: 100 },
];

/**
 * Counts an attempt as failed before the password is looked at, so that a thousand at once are no way round the count.
 * TooMany while the name or the address is locked; such an attempt counts for neither.
 */
export async function begin(ctx: Context, username: string, address: string, again = true): Promise<void> {
  try {
    await inTransaction(ctx, async (tx) => {
      for (const subject of subjectsOf(username, address)) await count(tx, subject);
    });
  } catch (error) {
    // Another request counted the subject's first failure at the same moment.
    if (!(error instanceof UniqueViolation) || !again) throw error;
    await begin(ctx, username, address, false);
  }
}

/** Takes the count back. The address keeps its earlier failures: who has one password may still be guessing others. */
export async function succeeded(ctx: Context, username: string, address: string): Promise<void> {
  const [name, from] = subjectsOf(username, address);
  // The rows stay: made anew each time, they would be made by two requests at once.
  await ctx.db.execute('UPDATE login_attempts SET failures = 0, locked_until = NULL WHERE subject = ?', [name.key]);
  const sql =
    'UPDATE login_attempts SET failures = failures - 1, locked_until = NULL WHERE subject = ? AND failures > 0';
  await ctx.db.execute(sql, [from.key]);
}

async function count(ctx: Context, { key, free }: Subject): Promise<void> {
  const row = await find(ctx, key, ctx.db.forUpdate);
  refuseLocked(ctx, row);
  const now = timestamp(ctx);
  const last = row && Date.parse(row.locked_until ?? row.updated_at);
  const stale = last !== undefined && ctx.now().getTime() - last > memory;
  const failures = row && !stale ? row.failures + 1 : 1;
  const beyond = failures - free;
  const lock = beyond < 0 ? null : Math.min(firstLock * 2 ** beyond, longestLock);
  const lockedUntil = lock === null ? null : new Date(ctx.now().getTime() + lock).toISOString();
  if (row) {
    const sql = 'UPDATE login_attempts SET failures = ?, locked_until = ?, updated_at = ? WHERE subject = ?';
    await ctx.db.execute(sql, [failures, lockedUntil, now, key]);
    return;
  }
  const sql =
    'INSERT INTO login_attempts (subject, failures, window_started_at, locked_until, updated_at) VALUES (?, ?, ?, ?, ?)';
  await ctx.db.execute(sql, [key, failures, now, lockedUntil, now]);
}

function refuseLocked(ctx: Context, row: AttemptRow | undefined): void {
  const wait = row?.locked_until ? Date.parse(row.locked_until) - ctx.now().getTime() : 0;
  if (wait <= 0) return;
  const seconds = Math.ceil(wait / 1000);
  throw new TooMany(`Too many failed attempts. Try again in ${seconds} seconds.`, seconds);
}

async function find(ctx: Context, key: string, tail: string): Promise<AttemptRow | undefined> {
  const sql = `SELECT failures, updated_at, locked_until FROM login_attempts WHERE subject = ?${tail}`;
  return (await ctx.db.query<AttemptRow>(sql, [key]))[0];
}
