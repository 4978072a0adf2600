/** Old entries of the change log go; a cursor from before them starts anew. History and its seals stay for ever. */
import type { Db } from '../db/database.ts';
import { headOf, lockHead } from './heads.ts';

/** Changes deleted in one transaction; fewer than this many old ones wait for more. */
const chunk = 1_000;

/** Deletes what was changed before that moment, of every tenant. Answers how many entries went, by whomever. */
export async function pruneChanges(db: Db, before: Date): Promise<number> {
  const tenants = await db.query<{ id: number }>('SELECT tenant_id AS id FROM change_heads');
  let pruned = 0;
  for (const { id } of tenants) while (await pruneChunk(db, id, before.toISOString())) pruned += chunk;
  return pruned;
}

async function pruneChunk(db: Db, tenant: number, before: string): Promise<boolean> {
  const { floor } = (await headOf(db, tenant))!;
  const sql = 'SELECT created_at FROM change_log WHERE tenant_id = ? AND seq = ?';
  const [last] = await db.query<{ created_at: string }>(sql, [tenant, floor + chunk]);
  if (!last || last.created_at >= before) return false;
  return db.transaction(async (tx) => {
    // Another daemon may have pruned meanwhile: a floor that goes back would hide what is gone.
    if ((await lockHead(tx, tenant)).floor !== floor) return true;
    await tx.execute('DELETE FROM change_log WHERE tenant_id = ? AND seq <= ?', [tenant, floor + chunk]);
    await tx.execute('UPDATE change_heads SET floor = ? WHERE tenant_id = ?', [floor + chunk, tenant]);
    return true;
  });
}
