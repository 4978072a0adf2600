/** Old rows go a few at a time, so that other writers wait for a part and not for the whole. */
import type { Db } from './database.ts';
import type { Value } from './dialect.ts';
import { listOf } from './lists.ts';

/** Rows of one transaction. */
const chunk = 500;

/** Deletes the rows of the table that the condition holds for. */
export async function pruneRows(db: Db, table: string, where: string, params: Value[]): Promise<void> {
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
