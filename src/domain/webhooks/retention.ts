/** Old deliveries go, with their attempts and the events that no delivery is left of; what is pending stays. */
import type { Db } from '../../db/database.ts';
import type { Value } from '../../db/dialect.ts';
import { listOf } from '../../db/lists.ts';

/** Rows deleted in one transaction. */
const chunk = 500;

/** Deletes what was delivered or given up, and not touched since that moment. */
export async function prune(db: Db, before: string): Promise<void> {
  const old = "status IN ('success', 'dead_letter') AND updated_at < ?";
  await pruneTable(db, 'webhook_deliveries', old, [before]);
  const told = 'SELECT 1 FROM webhook_deliveries d WHERE d.event_id = outbox_events.id';
  await pruneTable(db, 'outbox_events', `created_at < ? AND NOT EXISTS (${told})`, [before]);
}

async function pruneTable(db: Db, table: string, where: string, params: Value[]): Promise<void> {
  for (let after = 0; ; ) {
    const sql = `SELECT id FROM ${table} WHERE ${where} AND id > ? ORDER BY id LIMIT ${chunk}`;
    const ids = (await db.query<{ id: number }>(sql, [...params, after])).map(({ id }) => id);
    if (ids.length === 0) return;
    const { marks, params: found } = listOf(ids);
    // Asked again: one may have been replayed since.
    await db.transaction((tx) =>
      tx.execute(`DELETE FROM ${table} WHERE id IN ${marks} AND ${where}`, [...found, ...params]),
    );
    after = ids.at(-1)!;
  }
}
