/** Rows of a table used as a queue: a few are picked in order, marked, and answered, and no two callers get the same one. */
import type { Db } from './database.ts';
import type { Value } from './dialect.ts';
import { listOf } from './lists.ts';

export interface Taking {
  table: string;
  /** Columns to answer, of which none is set. */
  columns: string;
  /** `state = 'active', runner_id = ?`: values and expressions of the same row. */
  set: string;
  setParams: readonly Value[];
  where: string;
  whereParams: readonly Value[];
  order: string;
  limit: number;
  /** They are few: where it takes a transaction, it may be one that short works share. */
  brief?: boolean;
}

/** Marks and answers at most `limit` rows, in no order; rows that another transaction has locked are left out. */
export async function take<T extends { id: number }>(db: Db, taking: Taking): Promise<T[]> {
  const { table, columns, set, setParams, where, whereParams, order, limit, brief } = taking;
  const inWrite = <R>(work: (tx: Db) => Promise<R>) => (brief ? db.shared(work) : db.transaction(work));
  const pick = (selection: string) =>
    `SELECT ${selection} FROM ${table} WHERE ${where} ORDER BY ${order} LIMIT ${limit}${db.skipLocked}`;
  if (db.updateReturning) {
    // As an array the query runs once; as a plain list PostgreSQL may run it again for a row that changed meanwhile.
    const ids = db.oneWriter ? `id IN (${pick('id')})` : `id = ANY(ARRAY(${pick('id')}))`;
    const sql = `UPDATE ${table} SET ${set} WHERE ${ids} RETURNING ${columns}`;
    const run = (to: Db) => to.query<T>(sql, [...setParams, ...whereParams]);
    // A single statement is a transaction of its own, but on SQLite readers cannot write.
    return db.oneWriter ? inWrite(run) : run(db);
  }
  return inWrite(async (tx) => {
    const rows = await tx.query<T>(pick(columns), whereParams);
    if (rows.length === 0) return [];
    const { marks, params } = listOf(rows.map(({ id }) => id));
    await tx.execute(`UPDATE ${table} SET ${set} WHERE id IN ${marks}`, [...setParams, ...params]);
    return rows;
  });
}
