/**
 * What became of each label of a print job, in short transactions. Each is fenced by the lease of the engine's job: whoever
 * lost it learns so before it sends anything more.
 */

import { metrics } from '../../base/metrics.ts';
import { inTransaction, type TenantContext, timestamp } from '../../db/context.ts';
import { listOf } from '../../db/lists.ts';
import * as jobs from '../../queue/jobs.ts';
import type { Job } from '../../queue/kind.ts';
import type { LabelState } from './resource.ts';

export interface Label {
  id: number;
  position: number;
  code_value: string;
  data: string;
}

export interface Work {
  printJob: number;
  job: Pick<Job, 'id' | 'token'>;
}

export type Progress = Record<LabelState, number>;

/** Runs `work` in a transaction that only the holder of the lease commits; LostLease otherwise. */
export function fenced<T>(ctx: TenantContext, { job }: Work, work: (tx: TenantContext) => Promise<T>): Promise<T> {
  return inTransaction(ctx, async (tx) => {
    if (!(await jobs.report(tx, job, {}))) throw new jobs.LostLease();
    return work(tx);
  });
}

/** Those of one state, in their order. */
export function labelsIn({ db }: TenantContext, printJob: number, state: LabelState, limit = 10_000): Promise<Label[]> {
  const sql =
    'SELECT id, position, code_value, data FROM print_labels ' +
    `WHERE print_job_id = ? AND state = ? ORDER BY position LIMIT ${limit}`;
  return db.query<Label>(sql, [printJob, state]);
}

/** Moves labels on and tells the print job's progress. */
export async function mark(
  tx: TenantContext,
  printJob: number,
  labels: readonly Pick<Label, 'id'>[],
  state: LabelState,
  note = '',
): Promise<void> {
  if (labels.length === 0) return;
  for (let from = 0; from < labels.length; from += 500) {
    const { marks, params } = listOf(labels.slice(from, from + 500).map(({ id }) => id));
    const sql = `UPDATE print_labels SET state = ?, note = ?, updated_at = ? WHERE print_job_id = ? AND id IN ${marks}`;
    await tx.db.execute(sql, [state, note, timestamp(tx), printJob, ...params]);
  }
  metrics.printedLabels.inc({ state }, labels.length);
  await count(tx, printJob);
}

/** The same for all labels of some states; answers how many there were. */
export async function markAll(
  tx: TenantContext,
  printJob: number,
  from: LabelState,
  state: LabelState,
  note = '',
): Promise<number> {
  const sql = 'UPDATE print_labels SET state = ?, note = ?, updated_at = ? WHERE print_job_id = ? AND state = ?';
  const moved = await tx.db.execute(sql, [state, note, timestamp(tx), printJob, from]);
  if (moved > 0) {
    metrics.printedLabels.inc({ state }, moved);
    await count(tx, printJob);
  }
  return moved;
}

/** How a print job of which nothing waits any more has ended. */
export const endOf = ({ unknown, failed }: Progress): 'attention' | 'failed' | 'done' =>
  unknown > 0 ? 'attention' : failed > 0 ? 'failed' : 'done';

async function count(tx: TenantContext, printJob: number): Promise<void> {
  const sql = 'UPDATE print_jobs SET progress = ?, updated_at = ? WHERE id = ?';
  await tx.db.execute(sql, [JSON.stringify(await progressOf(tx, printJob)), timestamp(tx), printJob]);
}

export async function progressOf({ db }: TenantContext, printJob: number): Promise<Progress> {
  const sql = 'SELECT state, COUNT(*) AS labels FROM print_labels WHERE print_job_id = ? GROUP BY state';
  const rows = await db.query<{ state: LabelState; labels: number }>(sql, [printJob]);
  const of = (state: LabelState) => Number(rows.find((row) => row.state === state)?.labels ?? 0);
  return {
    queued: of('queued'),
    sending: of('sending'),
    sent: of('sent'),
    confirmed: of('confirmed'),
    unknown: of('unknown'),
    failed: of('failed'),
  };
}
