/** Which triggers guard the history, and what each database leaves open all the same. */
import type { Database } from './database.ts';
import type { Dialect } from './dialect.ts';

export interface HistoryGuard {
  /** Triggers that should be there and in force, but are not. */
  missing: string[];
  /** What goes past the triggers on this database, and its cure. */
  open: string;
}

const tables = ['asset_state_history', 'history_seals'];
const listed = `'${tables.join("', '")}'`;
const queries: Record<Dialect, string> = {
  sqlite: `SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN (${listed})`,
  postgres: `SELECT t.tgname AS name FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relname IN (${listed}) AND c.relnamespace = current_schema()::regnamespace AND t.tgenabled = 'O'`,
  mysql: `SELECT trigger_name AS name FROM information_schema.triggers WHERE trigger_schema = DATABASE() AND event_object_table IN (${listed})`,
};
const acts: Record<Dialect, string[]> = {
  sqlite: ['update', 'delete', 'replace'],
  postgres: ['update', 'delete', 'truncate'],
  mysql: ['update', 'delete'],
};
const open: Record<Dialect, string> = {
  sqlite: 'whoever may write the file can drop them',
  postgres: "the table's owner can disable them; let the daemon log in as a user that only may SELECT and INSERT there",
  mysql: 'TRUNCATE and DROP go past them; take DROP from the user that the daemon logs in as',
};

export async function historyGuard(database: Database): Promise<HistoryGuard> {
  const rows = await database.query<{ name: string }>(queries[database.dialect]);
  const there = rows.map(({ name }) => name);
  const wanted = tables.flatMap((table) => acts[database.dialect].map((act) => `${table}_no_${act}`));
  return { missing: wanted.filter((name) => !there.includes(name)), open: open[database.dialect] };
}
