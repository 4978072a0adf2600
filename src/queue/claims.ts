/**
 * Who works on what: a claim marks jobs as one runner's, under a token and until a time by the database's clock. A runner
 * that lives moves its leases on; what a dead one had is found by its lease and claimed anew.
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

/** How long a claim lasts without a heartbeat, in ms. A delivery's is short, as its receiver may wait for it. */
const lease = 60_000;
const laneLease = 20_000;
/** Runners that may die with a job before it is taken for the reason. */
const maxCrashes = 5;
/** Jobs whose time has come, made ready at once. */
const promoted = 2_000;

interface JobRow extends Omit<Job, 'payload' | 'tenant' | 'lane' | 'maxAttempts' | 'token'> {
  tenant_id: number | null;
  lane_id: number;
  max_attempts: number;
  payload: string;
}

const columns = 'id, kind, queue, tenant_id, lane_id, payload, attempts, max_attempts, crashes';

const jobOf =
  (token: string) =>
  ({ tenant_id, lane_id, max_attempts, payload, ...row }: JobRow): Job => ({
    ...row,
    tenant: tenant_id,
    lane: lane_id,
    maxAttempts: max_attempts,
    payload: JSON.parse(payload),
    token,
  });

const among = (column: string, { queues }: Pick<Runner, 'queues'>) => {
  if (!queues) return { text: '', params: [] as string[] };
  const { marks, params } = listOf(queues);
  return { text: ` AND ${column} IN ${marks}`, params };
};

/** Makes jobs ready whose time has come. */
export async function promote(db: Db): Promise<void> {
  const due = `state = 'waiting' AND run_at <= ${db.clock}`;
  while (await isThere(db, due)) {
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
const isThere = async (db: Db, where: string, params: readonly Value[] = []): Promise<boolean> =>
  (await db.query(`SELECT id FROM jobs WHERE ${where} LIMIT 1`, params)).length > 0;

/** Ms until the next job's time comes, by the database's clock; undefined when none waits for one. */
export async function nextIn(db: Db): Promise<number | undefined> {
  const sql = `SELECT MIN(run_at) AS next, ${db.clock} AS now FROM jobs WHERE state = 'waiting'`;
  const [row] = await db.query<{ next: number | null; now: number }>(sql);
  return row?.next == null ? undefined : Math.max(0, Number(row.next) - Number(row.now));
}

const claiming = (db: Db, ms: number) =>
  `state = 'active', runner_id = ?, lease_token = ?, lease_ms = ${ms}, lease_until = ${db.clock} + ${ms}`;

/** At most `limit` jobs of no lane, the most urgent and oldest first. */
export async function claim(db: Db, runner: Runner, limit: number): Promise<Job[]> {
  const { text, params } = among('queue', runner);
  const where = `state = 'ready' AND lane_id = 0${text}`;
  if (limit < 1 || (db.oneWriter && !(await isThere(db, where, params)))) return [];
  const token = newSecret(12);
  const rows = await take<JobRow>(db, {
    table: 'jobs',
    columns,
    set: claiming(db, lease),
    setParams: [runner.id, token],
    where,
    whereParams: params,
    order: 'priority, run_at, id',
    limit,
  });
  // An UPDATE answers its rows in whatever order it met them.
  return rows.sort((one, two) => one.id - two.id).map(jobOf(token));
}

export interface Lane {
  id: number;
  max_in_flight: number;
  ordered: boolean;
  rate_per_s: number | null;
  tokens: number;
  refilled_at: number;
  held_until: number | null;
  now: number;
}

/** Lanes looked at in one claim; those behind them come next time, as the one claimed longest ago is first. */
const lanesAtOnce = 50;

/** Lanes with something ready that nobody holds and no other runner works on. */
export function openLanes(db: Db, runner: Runner): Promise<Lane[]> {
  const { text, params } = among('l.queue', runner);
  const sql =
    `SELECT l.id, l.max_in_flight, l.ordered, l.rate_per_s, l.tokens, l.refilled_at, l.held_until, ${db.clock} AS now ` +
    `FROM job_lanes l WHERE (l.held_until IS NULL OR l.held_until <= ${db.clock})${text} ` +
    "AND EXISTS (SELECT 1 FROM jobs j WHERE j.state = 'ready' AND j.lane_id = l.id) " +
    "AND NOT EXISTS (SELECT 1 FROM jobs a WHERE a.state = 'active' AND a.lane_id = l.id AND a.runner_id <> ?) " +
    `ORDER BY l.claimed_at, l.id LIMIT ${lanesAtOnce}`;
  return db.query<Lane>(sql, [...params, runner.id]);
}

/**
 * Jobs of each lane, at most as many as `room` says. The lane's row is locked while it is decided, so that no two runners
 * work on one; a lane whose row is locked is being claimed by another.
 */
export async function claimLanes(db: Db, runner: Runner, room: (lane: Lane) => number): Promise<Job[]> {
  const open = (await openLanes(db, runner)).filter((lane) => room(lane) > 0);
  if (open.length === 0) return [];
  const token = newSecret(12);
  return db.transaction(async (tx) => {
    const { marks, params } = listOf(open.map(({ id }) => id));
    const lock = `SELECT id FROM job_lanes WHERE id IN ${marks} ORDER BY id${tx.skipLocked}`;
    const locked = new Set((await tx.query<{ id: number }>(lock, params)).map(({ id }) => id));
    // What was seen before the lock may be another's by now.
    const mine = (await openLanes(tx, runner)).filter(({ id }) => locked.has(id));
    const jobs: Job[] = [];
    for (const lane of mine) jobs.push(...(await claimLane(tx, runner, lane, room(lane), token)));
    return jobs;
  });
}

async function claimLane(tx: Db, runner: Runner, lane: Lane, room: number, token: string): Promise<Job[]> {
  // One that was held is tried with a single job until it is freed.
  const probe = lane.held_until === null ? room : Math.min(room, (await underWay(tx, lane)) > 0 ? 0 : 1);
  const { allowed, tokens } = withinRate(lane, probe);
  const oldest = lane.ordered ? await headOf(tx, lane) : undefined;
  if (allowed < 1 || (lane.ordered && oldest === undefined)) return [];
  const rows = await take<JobRow>(tx, {
    table: 'jobs',
    columns,
    set: claiming(tx, laneLease),
    setParams: [runner.id, token],
    where: `state = 'ready' AND lane_id = ?${oldest === undefined ? '' : ' AND id = ?'}`,
    whereParams: oldest === undefined ? [lane.id] : [lane.id, oldest],
    order: 'priority, run_at, id',
    limit: allowed,
  });
  const sql = 'UPDATE job_lanes SET claimed_at = ?, tokens = ?, refilled_at = ? WHERE id = ?';
  await tx.execute(sql, [lane.now, tokens - (lane.rate_per_s === null ? 0 : rows.length), lane.now, lane.id]);
  return rows.sort((one, two) => one.id - two.id).map(jobOf(token));
}

/** A token bucket that holds a second's worth. */
function withinRate({ rate_per_s, tokens, refilled_at, now }: Lane, wanted: number) {
  if (rate_per_s === null) return { allowed: wanted, tokens: 0 };
  const most = Math.max(1, rate_per_s);
  const full = Math.min(most, Number(tokens) + ((Number(now) - Number(refilled_at)) / 1_000) * rate_per_s);
  return { allowed: Math.min(wanted, Math.floor(full)), tokens: full };
}

async function underWay(tx: Db, { id }: Lane): Promise<number> {
  const sql = "SELECT id FROM jobs WHERE state = 'active' AND lane_id = ? LIMIT 1";
  return (await tx.query(sql, [id])).length;
}

/** The oldest job of an ordered lane, if its turn has come. */
async function headOf(tx: Db, { id }: Lane): Promise<number | undefined> {
  const sql =
    "SELECT id, state FROM jobs WHERE lane_id = ? AND state IN ('waiting', 'ready', 'active') ORDER BY id LIMIT 1";
  const [head] = await tx.query<{ id: number; state: string }>(sql, [id]);
  return head?.state === 'ready' ? head.id : undefined;
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
  return rows.map(jobOf(token));
}

export interface Due {
  id: number;
  queue: string;
  priority: number;
  attempts: number;
  crashes: number;
}

/** Ready jobs of no lane that a dispatcher was not told of, or so long ago, in ms, that it must have forgotten them. */
export async function untold(db: Db, since: number, limit: number): Promise<Due[]> {
  const where = `state = 'ready' AND lane_id = 0 AND pushed_at < ${db.clock} - ${since}`;
  if (limit < 1 || !(await isThere(db, where))) return [];
  return take<Due>(db, {
    table: 'jobs',
    columns: 'id, queue, priority, attempts, crashes',
    set: `pushed_at = ${db.clock}`,
    setParams: [],
    where,
    whereParams: [],
    order: 'priority, run_at, id',
    limit,
  });
}

/** Gives back what was claimed and not begun. */
export async function release(db: Db, jobs: readonly Pick<Job, 'id' | 'token'>[]): Promise<void> {
  const sql =
    "UPDATE jobs SET state = 'ready', pushed_at = 0, runner_id = NULL, lease_token = NULL, lease_until = NULL WHERE lease_token = ? AND state = 'active' AND id IN";
  for (const token of new Set(jobs.map((job) => job.token))) {
    const { marks, params } = listOf(jobs.filter((job) => job.token === token).map(({ id }) => id));
    await db.execute(`${sql} ${marks}`, [token, ...params]);
  }
}

/** Tells that the runner lives, and moves on the leases of the jobs that it still has. */
export async function heartbeat(db: Db, runner: Runner, jobs: readonly number[]): Promise<void> {
  await db.execute(`UPDATE job_runners SET heartbeat_at = ${db.clock} WHERE id = ?`, [runner.id]);
  if (jobs.length === 0) return;
  const { marks, params } = listOf(jobs);
  const sql = `UPDATE jobs SET lease_until = ${db.clock} + lease_ms WHERE state = 'active' AND runner_id = ? AND id IN ${marks}`;
  await db.execute(sql, [runner.id, ...params]);
}

/**
 * Jobs of runners that are gone are ready again, each with a crash more, which is no attempt. Those that so many runners
 * died with are answered, still claimed under a new token, to be given up.
 */
export async function sweep(db: Db, runner: Runner): Promise<Job[]> {
  const late = `state = 'active' AND lease_until < ${db.clock}`;
  if (!(await isThere(db, late))) return [];
  const batch = { table: 'jobs', whereParams: [], order: 'id', limit: 500 };
  await take(db, {
    ...batch,
    columns: 'id',
    set: "state = 'ready', crashes = crashes + 1, pushed_at = 0, runner_id = NULL, lease_token = NULL, lease_until = NULL",
    setParams: [],
    where: `${late} AND crashes < ${maxCrashes - 1}`,
  });
  const token = newSecret(12);
  const set = claiming(db, lease);
  const hopeless = await take<JobRow>(db, { ...batch, columns, set, setParams: [runner.id, token], where: late });
  return hopeless.map(jobOf(token));
}
