/** The processes that work on jobs, as rows: who is there, and whose jobs are free because it died. */
import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Db } from '../db/database.ts';
import { pruneRows } from '../db/prune.ts';

/** A runner that was not heard of for so long is not there, in ms. */
const silent = 60_000;
/** Rows of runners are kept for so long after that. */
const forgotten = 3_600_000;

/** Where a number names a process: two containers may have one host name, and neither sees the other's processes. */
const machine = `${hostname()}${pidNamespace()}`.slice(0, 255);

function pidNamespace(): string {
  try {
    return ` ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}

/** Those of this process, so that a process that got the number of a dead one does not take itself for it. */
const own = new Set<number>();

/** Enters a runner, and frees at once what runners had that died on this machine. */
export async function enter(db: Db, concurrency: number, queues: readonly string[] | undefined): Promise<number> {
  const now = new Date().toISOString();
  await freeDead(db);
  const id = await db.transaction(async (tx) => {
    const row = { host: machine, pid: process.pid, queues: JSON.stringify(queues ?? []), concurrency };
    const id = await tx.insert('job_runners', { ...row, heartbeat_at: 0, created_at: now, updated_at: now });
    await tx.execute(`UPDATE job_runners SET heartbeat_at = ${tx.clock} WHERE id = ?`, [id]);
    return id;
  });
  own.add(id);
  return id;
}

/** Takes the runner off the list; it has given its jobs back before. */
export async function leave(db: Db, id: number): Promise<void> {
  own.delete(id);
  await db.execute('DELETE FROM job_runners WHERE id = ?', [id]);
}

/** It never left, so it must have died: as a test does it without a process to kill. */
export const desert = (id: number): boolean => own.delete(id);

async function freeDead(db: Db): Promise<void> {
  const rows = await db.query<{ id: number; pid: number }>('SELECT id, pid FROM job_runners WHERE host = ?', [machine]);
  for (const { id } of rows.filter(({ id, pid }) => !isAlive(id, pid)))
    await db.transaction(async (tx) => {
      await tx.execute("UPDATE jobs SET lease_until = 0 WHERE state = 'active' AND runner_id = ?", [id]);
      await tx.execute('DELETE FROM job_runners WHERE id = ?', [id]);
    });
}

function isAlive(id: number, pid: number): boolean {
  if (pid === process.pid) return own.has(id);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whether a runner is there that works on that queue. */
export async function isServed(db: Db, queue: string): Promise<boolean> {
  const sql = `SELECT queues FROM job_runners WHERE heartbeat_at > ${db.clock} - ${silent}`;
  const rows = await db.query<{ queues: string }>(sql);
  return rows.map(({ queues }): string[] => JSON.parse(queues)).some((one) => one.length === 0 || one.includes(queue));
}

export interface Backlog {
  /** Runners that are there. */
  workers: number;
  /** Jobs that are due or under way. */
  pending: number;
  /** Jobs whose time is still to come, such as the next attempt. */
  waiting: number;
  /** Dead letters among the jobs themselves. */
  dead: number;
}

/** How the work of the site stands. */
export async function backlog(db: Db): Promise<Backlog> {
  const alive = `SELECT COUNT(*) AS workers FROM job_runners WHERE heartbeat_at > ${db.clock} - ${silent}`;
  const states = "SELECT state, COUNT(*) AS jobs FROM jobs WHERE state <> 'done' GROUP BY state";
  // Without a runner nobody makes them ready.
  const due = `SELECT COUNT(*) AS due FROM jobs WHERE state = 'waiting' AND run_at <= ${db.clock}`;
  const [runners] = await db.query<{ workers: number }>(alive);
  const rows = await db.query<{ state: string; jobs: number }>(states);
  const late = Number((await db.query<{ due: number }>(due))[0]!.due);
  const of = (state: string) => Number(rows.find((row) => row.state === state)?.jobs ?? 0);
  return {
    workers: Number(runners!.workers),
    pending: of('ready') + of('active') + late,
    waiting: Math.max(0, of('waiting') - late),
    dead: of('dead'),
  };
}

/** Rows that nobody asks for any more: runners long gone, finished jobs, ticks. Answers nothing. */
export async function prune(db: Db, finishedBefore: string): Promise<void> {
  await db.execute(`DELETE FROM job_runners WHERE heartbeat_at < ${db.clock} - ${forgotten}`);
  const old = "state IN ('done', 'dead') AND finished_at < ?";
  await pruneRows(db, 'jobs', old, [finishedBefore]);
  // From its last tick a task goes on, however long ago that was.
  const ticks = await db.query<{ task: string; last: number }>(
    'SELECT task, MAX(tick_at) AS last FROM cron_ticks GROUP BY task',
  );
  for (const { task, last } of ticks)
    await db.execute('DELETE FROM cron_ticks WHERE task = ? AND tick_at < ?', [
      task,
      Math.min(Number(last), Date.parse(finishedBefore)),
    ]);
}
