/** How long an edit is known again. */
import type { Db } from '../../db/database.ts';

/** Edits looked at in one transaction. */
const chunk = 1_000;

/**
 * Forgets the edits that came before that moment, of every tenant, save those that a conflict speaks of. One that comes again
 * after that is merged anew: with its own base and time of capture it loses to whatever was written since. Answers how many went.
 */
export async function pruneEdits(db: Db, before: Date): Promise<number> {
  let pruned = 0;
  for (let after = 0; ; ) {
    // Their ids are nearly in the order of their times, and there is no index by time: the first young one ends it.
    const sql = 'SELECT id, created_at FROM sync_edits WHERE id > ? ORDER BY id LIMIT ?';
    const edits = await db.query<{ id: number; created_at: string }>(sql, [after, chunk]);
    const young = edits.findIndex(({ created_at }) => created_at >= before.toISOString());
    const last = edits.at(young === -1 ? -1 : young - 1);
    if (!last || young === 0) return pruned;
    const unused = 'NOT EXISTS (SELECT 1 FROM sync_conflicts c WHERE c.edit_id = sync_edits.id)';
    pruned += await db.execute(`DELETE FROM sync_edits WHERE id > ? AND id <= ? AND ${unused}`, [after, last.id]);
    if (young !== -1) return pruned;
    after = last.id;
  }
}
