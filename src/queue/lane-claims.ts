/** Which lanes there is something to take from, and taking it: in turn, within what each allows, one runner at a time. */
import { newSecret } from '../base/ids.ts';
import type { Db } from '../db/database.ts';
import { listOf } from '../db/lists.ts';
import { take } from '../db/take.ts';
import { among, claiming, columns, inOrder, type JobRow, jobOf, type Runner } from './claims.ts';
import type { Job } from './kind.ts';

/** How long a claim lasts without a heartbeat, in ms: short, as a receiver may wait for what is in a lane. */
const lease = 20_000;
/** Lanes claimed from at once; those behind them come next time, as the one claimed longest ago is first. */
const lanesAtOnce = 50;

export interface Lane {
  id: number;
  max_in_flight: number;
  ordered: boolean;
  rate_per_s: number | null;
  tokens: number;
  refilled_at: number;
  held_until: number | null;
  /** Whether one of its jobs is under way. */
  busy: boolean;
  /** The oldest job of an ordered lane, if its turn has come. */
  head: number | null;
  now: number;
}

/** Lanes with something ready that nobody holds and no other runner works on, the one claimed longest ago first. */
function openLanes(db: Db, runner: Runner, ids?: readonly number[]): Promise<Lane[]> {
  const { text, params } = among('l.queue', runner);
  const only = ids ? listOf(ids) : { marks: '', params: [] };
  const head =
    "(SELECT CASE h.state WHEN 'ready' THEN h.id END FROM jobs h WHERE h.lane_id = l.id AND h.state IN ('waiting', 'ready', 'active') ORDER BY h.id LIMIT 1)";
  const sql =
    `SELECT l.id, l.max_in_flight, l.ordered, l.rate_per_s, l.tokens, l.refilled_at, l.held_until, ${db.clock} AS now, ` +
    "EXISTS (SELECT 1 FROM jobs b WHERE b.state = 'active' AND b.lane_id = l.id) AS busy, " +
    `CASE WHEN l.ordered THEN ${head} END AS head ` +
    `FROM job_lanes l WHERE (l.held_until IS NULL OR l.held_until <= ${db.clock})${text} ` +
    (ids ? `AND l.id IN ${only.marks} ` : '') +
    "AND EXISTS (SELECT 1 FROM jobs j WHERE j.state = 'ready' AND j.lane_id = l.id) " +
    "AND NOT EXISTS (SELECT 1 FROM jobs a WHERE a.state = 'active' AND a.lane_id = l.id AND a.runner_id <> ?) " +
    'ORDER BY l.claimed_at, l.id';
  return db.query<Lane>(sql, [...params, ...only.params, runner.id]);
}

/** What may be taken from a lane now, and how full its bucket of tokens is. */
interface Allowance {
  jobs: number;
  tokens: number;
  /** ms until the next token, where there is none. */
  wait?: number;
}

function allowanceOf(lane: Lane, room: number): Allowance {
  const none = { jobs: 0, tokens: 0 };
  // Nothing before the head of an ordered lane, and it alone; one that was held is tried with a single job until it is freed.
  if (lane.ordered && lane.head === null) return none;
  if (lane.held_until !== null && lane.busy) return none;
  return withinRate(lane, lane.ordered || lane.held_until !== null ? Math.min(room, 1) : room);
}

/** A token bucket that holds a second's worth. A clock that was set back has it full again. */
function withinRate({ rate_per_s, tokens, refilled_at, now }: Lane, wanted: number): Allowance {
  if (rate_per_s === null) return { jobs: wanted, tokens: 0 };
  const most = Math.max(1, rate_per_s);
  const passed = (Number(now) - Number(refilled_at)) / 1_000;
  const full = passed < 0 ? most : Math.min(most, Number(tokens) + passed * rate_per_s);
  if (full < 1) return { jobs: 0, tokens: full, wait: ((1 - full) / rate_per_s) * 1_000 };
  return { jobs: Math.min(wanted, Math.floor(full)), tokens: full };
}

/**
 * Jobs of each lane, at most as many as `room` says. The lane's row is locked while it is decided, so that no two runners
 * work on one; a lane whose row is locked is being claimed by another. `later` is told the ms until a lane that has used up
 * its rate has more.
 */
export async function claimLanes(
  db: Db,
  runner: Runner,
  room: (lane: Lane) => number,
  later: (ms: number) => void = () => undefined,
): Promise<Job[]> {
  // All of them: those that nothing can be taken from must not keep the ones behind them waiting.
  const open = (await openLanes(db, runner)).filter((lane) => {
    const { jobs, wait } = allowanceOf(lane, room(lane));
    if (wait !== undefined) later(wait);
    return jobs > 0;
  });
  if (open.length === 0) return [];
  const ids = open.slice(0, lanesAtOnce).map(({ id }) => id);
  const token = newSecret(12);
  return db.transaction(async (tx) => {
    const { marks, params } = listOf(ids);
    const lock = `SELECT id FROM job_lanes WHERE id IN ${marks} ORDER BY id${tx.skipLocked}`;
    const locked = (await tx.query<{ id: number }>(lock, params)).map(({ id }) => id);
    if (locked.length === 0) return [];
    const jobs: Job[] = [];
    // What was seen before the lock may be another's by now.
    for (const lane of await openLanes(tx, runner, locked))
      jobs.push(...(await claimLane(tx, runner, lane, room(lane), token)));
    return jobs;
  });
}

async function claimLane(tx: Db, runner: Runner, lane: Lane, room: number, token: string): Promise<Job[]> {
  const { jobs, tokens } = allowanceOf(lane, room);
  if (jobs < 1) return [];
  const rows = await take<JobRow>(tx, {
    table: 'jobs',
    columns,
    set: claiming(tx, lease),
    setParams: [runner.id, token],
    where: `state = 'ready' AND lane_id = ?${lane.ordered ? ' AND id = ?' : ''}`,
    whereParams: lane.ordered ? [lane.id, lane.head] : [lane.id],
    order: 'priority, run_at, id',
    limit: jobs,
  });
  const sql = 'UPDATE job_lanes SET claimed_at = ?, tokens = ?, refilled_at = ? WHERE id = ?';
  await tx.execute(sql, [lane.now, tokens - (lane.rate_per_s === null ? 0 : rows.length), lane.now, lane.id]);
  return inOrder(rows).map(jobOf(token));
}
