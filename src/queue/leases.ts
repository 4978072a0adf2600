/** What becomes of a claim: given back, moved on while its runner lives, and taken away once it was not heard of. */
import { newSecret } from '../base/ids.ts';
import type { Db } from '../db/database.ts';
import { listOf } from '../db/lists.ts';
import { take } from '../db/take.ts';
import { claiming, columns, isThere, type JobRow, jobOf, lease, type Runner } from './claims.ts';
import type { Job } from './kind.ts';

/** Runners that may die with a job before it is taken for the reason. */
const maxCrashes = 10;
/** From so many on, only those count that died after they had begun it: most of what a runner has waits for its turn. */
const suspicious = 2;

/** Whether it is to be noted that the job is begun: if this runner dies too, the job may be why. */
export const isSuspicious = ({ crashes }: Pick<Job, 'crashes'>): boolean => crashes >= suspicious;

/** Notes that the job is begun. */
export async function begin(db: Db, { id, token }: Pick<Job, 'id' | 'token'>): Promise<void> {
  const sql = "UPDATE jobs SET begun = TRUE WHERE id = ? AND lease_token = ? AND state = 'active'";
  await db.transaction((tx) => tx.execute(sql, [id, token]));
}
/** Jobs taken away in one statement. */
const swept = 500;

/** Gives back what was claimed and not begun. */
export async function release(db: Db, jobs: readonly Pick<Job, 'id' | 'token'>[]): Promise<void> {
  const sql =
    "UPDATE jobs SET state = 'ready', pushed_at = 0, runner_id = NULL, lease_token = NULL, lease_until = NULL WHERE lease_token = ? AND state = 'active' AND id IN";
  await db.transaction(async (tx) => {
    for (const token of new Set(jobs.map((job) => job.token))) {
      const { marks, params } = listOf(jobs.filter((job) => job.token === token).map(({ id }) => id));
      await tx.execute(`${sql} ${marks}`, [token, ...params]);
    }
  });
}

/** Tells that the runner lives, and moves on the leases of the jobs that it still has. */
export async function heartbeat(db: Db, runner: Runner, jobs: readonly number[]): Promise<void> {
  await db.execute(`UPDATE job_runners SET heartbeat_at = ${db.clock} WHERE id = ?`, [runner.id]);
  if (jobs.length === 0) return;
  const { marks, params } = listOf(jobs);
  const sql = `UPDATE jobs SET lease_until = ${db.clock} + lease_ms WHERE state = 'active' AND runner_id = ? AND id IN ${marks}`;
  // Some of them are just being completed: two statements that lock rows in different orders, so it may have to be tried again.
  await db.transaction((tx) => tx.execute(sql, [runner.id, ...params]));
}

/**
 * Jobs of runners that are gone are ready again, each with a crash more, which is no attempt. Those that so many runners
 * died with are answered, still claimed under a new token, to be given up.
 */
export async function sweep(db: Db, runner: Runner): Promise<Job[]> {
  const late = `state = 'active' AND lease_until < ${db.clock}`;
  if (!(await isThere(db, late))) return [];
  const batch = { table: 'jobs', whereParams: [], order: 'id', limit: swept };
  const hopeless = `crashes >= ${maxCrashes - 1} AND begun`;
  const counted = `crashes + CASE WHEN crashes < ${suspicious} OR begun THEN 1 ELSE 0 END`;
  for (;;) {
    const freed = await take(db, {
      ...batch,
      columns: 'id',
      set: `state = 'ready', crashes = ${counted}, pushed_at = 0, runner_id = NULL, lease_token = NULL, lease_until = NULL`,
      setParams: [],
      where: `${late} AND NOT (${hopeless})`,
    });
    if (freed.length < swept) break;
  }
  const token = newSecret(12);
  const given = await take<JobRow>(db, {
    ...batch,
    columns,
    set: claiming(db, lease),
    setParams: [runner.id, token],
    // Said again: others may have become late since, and more than one statement takes.
    where: `${late} AND ${hopeless}`,
  });
  return given.map(jobOf(token));
}
