/** Print jobs go, and that their codes were printed is remembered: a batch is printed once, and a second label is a reprint. */
import type { TenantContext } from '../../db/context.ts';
import type { Db } from '../../db/database.ts';
import { listOf } from '../../db/lists.ts';

/** Deletes what ended before that moment, a job at a time; labels in doubt stay until somebody has said what became of them. */
export async function prune(db: Db, before: string): Promise<void> {
  const ended = "state IN ('done', 'cancelled', 'failed') AND finished_at < ?";
  const jobs = await db.query<{ id: number }>(`SELECT id FROM print_jobs WHERE ${ended} ORDER BY id`, [before]);
  for (const { id } of jobs)
    await db.transaction(async (tx) => {
      await remember(tx, 'l.print_job_id = ?', id);
      await tx.execute('DELETE FROM print_labels WHERE print_job_id = ?', [id]);
      await tx.execute('DELETE FROM print_jobs WHERE id = ?', [id]);
    });
}

/** What was printed on a printer that is about to be forgotten. */
export const rememberPrinter = (db: Db, printer: number): Promise<unknown> =>
  remember(db, 'l.print_job_id IN (SELECT id FROM print_jobs WHERE printer_id = ?)', printer);

const remember = (db: Db, which: string, id: number): Promise<unknown> =>
  db.execute(
    'INSERT INTO printed_codes (tenant_id, code_value) SELECT DISTINCT l.tenant_id, l.code_value FROM print_labels l ' +
      `WHERE ${which} AND l.state <> 'failed' AND NOT EXISTS ` +
      '(SELECT 1 FROM printed_codes p WHERE p.tenant_id = l.tenant_id AND p.code_value = l.code_value)',
    [id],
  );

/** Codes that a printer was given before, or is about to be. */
export async function printedAmong({ db, tenant }: TenantContext, codes: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>();
  for (let from = 0; from < codes.length; from += 500) {
    const { marks, params } = listOf(codes.slice(from, from + 500));
    const sql =
      `SELECT code_value FROM print_labels WHERE tenant_id = ? AND state <> 'failed' AND code_value IN ${marks} ` +
      `UNION SELECT code_value FROM printed_codes WHERE tenant_id = ? AND code_value IN ${marks}`;
    const rows = await db.query<{ code_value: string }>(sql, [tenant.id, ...params, tenant.id, ...params]);
    for (const { code_value } of rows) found.add(code_value);
  }
  return found;
}
