/**
 * Who works on what: a claim marks jobs as one runner's, under a token and until a time by the database's clock. What is in
 * lanes is claimed in lane-claims.ts, and what becomes of a claim is in leases.ts.
 */
import { newSecret } from '../base/ids.ts';
import type { Db } from '../db/database.ts';
import type { Value } from '../db/dialect.ts';
import { listOf } from '../db/lists.ts';
import { take } from '../db/take.ts';
import type { Job } from './kind.ts';

/** What a runner works on. */
export interface Runner {
  id: number;
  /** Undefined: every queue. */
  queues?: readonly string[] | undefined;
}

/** How long a claim lasts without a heartbeat, in ms. */
export const lease = 60_000;
/** Jobs whose time has come, made ready at once. */
const promoted = 2_000;

export interface JobRow extends Omit<Job, 'payload' | 'tenant' | 'lane' | 'maxAttempts' | 'token'> {
  tenant_id: number | null;
  lane_id: number;
  max_attempts: number;
  priority: number;
  payload: string;
}

export const columns = 'id, kind, queue, priority, tenant_id, lane_id, payload, attempts, max_attempts, crashes';

/** Each property by its name: the rest of a spread makes an object that is several times as large, and slow. */
export const jobOf =
  (token: string) =>
  (row: JobRow): Job => ({
    id: row.id,
    kind: row.kind,
    queue: row.queue,
    tenant: row.tenant_id,
    lane: row.lane_id,
    payload: JSON.parse(row.payload),
    attempts: row.attempts,
    maxAttempts: row.max_attempts,
    crashes: row.crashes,
    token,
  });

/** The most urgent first: an UPDATE answers its rows in whatever order it met them. */
export const inOrder = (rows: JobRow[]): JobRow[] =>
  rows.sort((one, two) => one.priority - two.priority || one.id - two.id);

export const among = (column: string, { queues }: Pick<Runner, 'queues'>) => {
  if (!queues) return { text: '', params: [] as string[] };
  const { marks, params } = listOf(queues);
  return { text: ` AND ${column} IN ${marks}`, params };
};

/** Makes jobs ready whose time has come. */
export async function promote(db: Db): Promise<void> {
  const due = `state = 'waiting' AND run_at <= ${db.clock}`;
  // PostgreSQL would look for one that is due in the whole table, as it expects to find it soon.
  while ((await nextIn(db)) === 0) {
    const done = await take(db, {
      table: 'jobs',
      columns: 'id',
      set: "state = 'ready', run_at = 0, pushed_at = 0",
      setParams: [],
      where: due,
      whereParams: [],
      order: 'run_at',
      limit: promoted,
    });
    if (done.length < promoted) return;
  }
}

/** Asked first, as a reader may: on SQLite a claim of nothing would take the one write lock. */
export const isThere = async (db: Db, where: string, params: readonly Value[] = []): Promise<boolean> =>
  (await db.query(`SELECT id FROM jobs WHERE ${where} LIMIT 1`, params)).length > 0;

/** Ms until the next job's time comes, by the database's clock; undefined when none waits for one. */
export async function nextIn(db: Db): Promise<number | undefined> {
  const sql = `SELECT MIN(run_at) AS next, ${db.clock} AS now FROM jobs WHERE state = 'waiting'`;
  const [row] = await db.query<{ next: number | null; now: number }>(sql);
  return row?.next == null ? undefined : Math.max(0, Number(row.next) - Number(row.now));
}

/** How a claim marks a job: for `runner.id` and a token, until then. */
export const claiming = (db: Db, ms: number) =>
  `state = 'active', begun = FALSE, runner_id = ?, lease_token = ?, lease_ms = ${ms}, lease_until = ${db.clock} + ${ms}`;

/**
 * At most `limit` jobs of no lane, the most urgent and oldest first; of a few queues, one queue after the other. `likely`:
 * there were more a moment ago, so that it need not be asked first.
 */
export async function claim(db: Db, { id, queues }: Runner, limit: number, likely = false): Promise<Job[]> {
  if (!queues) return claimOf(db, { id, limit, likely });
  const first = Math.floor(Math.random() * queues.length);
  const jobs: Job[] = [];
  for (const queue of [...queues.slice(first), ...queues.slice(0, first)])
    jobs.push(...(await claimOf(db, { id, queue, limit: limit - jobs.length, likely: false })));
  return jobs;
}

interface Wanted {
  id: number;
  queue?: string;
  limit: number;
  likely: boolean;
}

/** One queue at a time, as its index is in that order: those of other queues are not walked over. */
async function claimOf(db: Db, { id, queue, limit, likely }: Wanted): Promise<Job[]> {
  const where = `state = 'ready' AND lane_id = 0${queue === undefined ? '' : ' AND queue = ?'}`;
  const params = queue === undefined ? [] : [queue];
  if (limit < 1 || (!likely && db.oneWriter && !(await isThere(db, where, params)))) return [];
  const token = newSecret(12);
  const rows = await take<JobRow>(db, {
    table: 'jobs',
    columns,
    set: claiming(db, lease),
    setParams: [id, token],
    where,
    whereParams: params,
    order: 'priority, run_at, id',
    limit,
    // So the next are claimed with the commit that completes the last.
    brief: true,
  });
  return inOrder(rows).map(jobOf(token));
}

/** Claims jobs of no lane by their ids, as a dispatcher named them; those that are not there to be claimed are left out. */
export async function claimThese(db: Db, runner: Runner, ids: readonly number[]): Promise<Job[]> {
  const token = newSecret(12);
  const { marks, params } = listOf(ids);
  const rows = await take<JobRow>(db, {
    table: 'jobs',
    columns,
    set: claiming(db, lease),
    setParams: [runner.id, token],
    where: `state = 'ready' AND lane_id = 0 AND id IN ${marks}`,
    whereParams: params,
    order: 'id',
    limit: ids.length,
  });
  return inOrder(rows).map(jobOf(token));
}

export interface Due {
  id: number;
  queue: string;
  priority: number;
  attempts: number;
  crashes: number;
}

/** Ready jobs of a queue, and no lane, that a dispatcher was not told of, or so long ago, in ms, that it must have forgotten them. */
export async function untold(db: Db, queue: string, since: number, limit: number): Promise<Due[]> {
  const where = `state = 'ready' AND lane_id = 0 AND queue = ? AND pushed_at < ${db.clock} - ${since}`;
  if (limit < 1 || !(await isThere(db, where, [queue]))) return [];
  return take<Due>(db, {
    table: 'jobs',
    columns: 'id, queue, priority, attempts, crashes',
    set: `pushed_at = ${db.clock}`,
    setParams: [],
    where,
    whereParams: [queue],
    order: 'priority, run_at, id',
    limit,
  });
}
