/** How a database would answer a question. */
import { promisify } from 'node:util';
import sqlite3 from 'sqlite3';
import type { TestSite } from './site.ts';

/** The plan as text, to look for the name of an index in; with the statistics of what is in the table now. */
export async function planOf({ database, databaseConfig }: TestSite, table: string, sql: string): Promise<string> {
  if (database.dialect !== 'sqlite') {
    await database.query(`ANALYZE ${database.dialect === 'mysql' ? 'TABLE ' : ''}${table}`);
    return JSON.stringify(await database.query(`EXPLAIN ${sql}`));
  }
  // Prepared, it answers nothing.
  const handle = new sqlite3.Database(databaseConfig.filename!);
  const rows = await promisify<string, unknown[]>(handle.all.bind(handle))(`EXPLAIN QUERY PLAN ${sql}`);
  await promisify(handle.close.bind(handle))();
  return JSON.stringify(rows);
}
