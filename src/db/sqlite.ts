/** SQLite: one writer, several read-only readers, WAL with synchronous FULL. */
import { pathToFileURL } from 'node:url';
import type { Knex } from 'knex';
import type { Database as Handle, Statement } from 'sqlite3';
import type { DatabaseConfig } from '../base/config.ts';
import { type Driver, insertText, type Outcome, returnedIds, type Value } from './dialect.ts';
import { adopt, giveUpIfMended, refusalOf } from './sqlite-handles.ts';

/** How long a statement waits for another process's lock before SQLITE_BUSY, in ms. */
const busyTimeout = 5_000;
/** Prepared statements kept for each connection; the oldest goes first. */
const kept = 400;

interface Prepared {
  statement: Statement;
  answersRows: boolean;
}

const prepared = new WeakMap<Handle, Map<string, Prepared>>();

export const sqlite: Driver = {
  compiler: 'sqlite3',
  separateReaders: true,
  oneWriter: true,
  groups: 1,
  begin: 'BEGIN IMMEDIATE',
  forUpdate: '',
  forShare: '',
  skipLocked: '',
  clock: "CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER)",
  updateReturning: true,
  pool(config: DatabaseConfig, use): Knex.Config {
    return {
      client: 'sqlite3',
      useNullAsDefault: true,
      connection: connectionOf(config.filename!, use),
      pool: {
        min: 0,
        max: use === 'read' ? config.poolSize : 1,
        idleTimeoutMillis: 2 ** 31 - 1,
        validate: (handle: Handle) => !refusalOf(handle),
        afterCreate: (handle: Handle, done: (error: Error | null, handle: Handle) => void) => {
          adopt(handle, config.filename!, () => forget(handle)).then(() =>
            handle.exec(pragmas(use), (error) => done(error, handle)),
          );
        },
      },
      acquireConnectionTimeout: 15_000,
    };
  },
  async send(handle: Handle, sql, params): Promise<Outcome> {
    const refusal = refusalOf(handle);
    if (refusal) throw refusal;
    try {
      const { statement, answersRows } = await prepare(handle, sql);
      return await (answersRows ? all(statement, params) : change(statement, params));
    } catch (error) {
      if ((error as { code?: string }).code === 'SQLITE_READONLY') await giveUpIfMended(handle, error as Error);
      throw error;
    }
  },
  insertSql: (table, columns, rows, returnId = true) =>
    insertText(table, columns, rows, '"') + (returnId ? ' RETURNING id' : ''),
  jsonText: (column) => `json_quote(CAST(${column} AS TEXT))`,
  // One text for any number of rows, and one parameter to bind instead of a dozen for each.
  insertJsonSql: (table, columns, returnIds) =>
    `INSERT INTO ${table} (${columns.map((column) => `"${column}"`).join(', ')}) ` +
    `SELECT ${columns.map((_, index) => `value ->> ${index}`).join(', ')} FROM json_each(?)` +
    (returnIds ? ' RETURNING id' : ''),
  insertedIds: returnedIds,
};

// knex can only add to the flags it opens with, so a reader says mode=ro in the file's URI.
const connectionOf = (filename: string, use: 'read' | 'write') =>
  use === 'write' ? { filename } : { filename: `${pathToFileURL(filename).href}?mode=ro`, flags: ['OPEN_URI'] };

// A read-only handle cannot set the journal mode; it finds the one the writer left in the file.
const pragmas = (use: 'read' | 'write'): string =>
  `PRAGMA busy_timeout = ${busyTimeout}; PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; PRAGMA cache_size = -16000; ` +
  (use === 'write' ? 'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;' : '');

function forget(handle: Handle): void {
  for (const { statement } of prepared.get(handle)?.values() ?? []) statement.finalize();
  prepared.delete(handle);
}

function prepare(handle: Handle, sql: string): Promise<Prepared> | Prepared {
  const known = prepared.get(handle) ?? new Map<string, Prepared>();
  prepared.set(handle, known);
  const hit = known.get(sql);
  if (hit) return hit;
  return new Promise((resolve, reject) => {
    const statement = handle.prepare(sql, (error: Error | null) => {
      if (error) return reject(error);
      // The handle was given up meanwhile; a statement that is left would keep it open.
      if (prepared.get(handle) !== known) return statement.finalize(() => reject(refusalOf(handle)));
      const entry = { statement, answersRows: /^\s*(select|with|pragma)\b|\breturning\b/i.test(sql) };
      known.set(sql, entry);
      if (known.size > kept) forgetOldest(known);
      resolve(entry);
    });
  });
}

function forgetOldest(known: Map<string, Prepared>): void {
  const [sql, { statement }] = known.entries().next().value!;
  known.delete(sql);
  statement.finalize();
}

function all(statement: Statement, params: readonly Value[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    statement.all(params, (error: Error | null, rows: { id?: number }[]) => {
      if (error) return statement.reset(() => reject(error));
      resolve({ rows, changes: rows.length, insertId: rows[0]?.id ?? 0 });
    });
  });
}

function change(statement: Statement, params: readonly Value[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    statement.run(params, function (this: { changes: number; lastID: number }, error: Error | null) {
      if (error) return statement.reset(() => reject(error));
      resolve({ rows: [], changes: this.changes, insertId: this.lastID });
    });
  });
}
