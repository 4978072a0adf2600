/** The table of named differences between the three databases. Nothing above db/ asks which one it talks to. */
import type { Knex } from 'knex';
import type { DatabaseConfig } from '../base/config.ts';
import { mysql } from './mysql.ts';
import { postgres } from './postgres.ts';
import { sqlite } from './sqlite.ts';

export type Dialect = DatabaseConfig['dialect'];
export type Value = string | number | boolean | null | Buffer;
/** The driver's own connection object: sqlite3.Database, pg.Client or mysql2's Connection. */
// biome-ignore lint/suspicious/noExplicitAny: each driver file knows its own.
export type Connection = any;

export interface Outcome {
  rows: unknown[];
  changes: number;
  insertId: number;
}

/** How a statement is sent. */
export interface How {
  /** The text already has the dialect's own placeholders. */
  native: boolean;
  /** Longest wait for its answer where a network is between, in s. */
  patience: number;
}

export interface Driver {
  /** knex client name or class that compiles SQL without a connection. */
  compiler: string;
  /** Readers have a pool of their own, read-only. */
  separateReaders: boolean;
  /** The database itself lets one transaction write at a time. */
  oneWriter: boolean;
  /** Group commits under way at once. */
  groups: number;
  begin: string;
  forUpdate: string;
  forShare: string;
  /** Locks rows that nobody else has locked, and leaves out the others. */
  skipLocked: string;
  /** SQL for the database's time in whole milliseconds since 1970. */
  clock: string;
  /** An UPDATE can pick its rows by a query with a limit, and answer them. */
  updateReturning: boolean;
  pool(config: DatabaseConfig, use: 'read' | 'write'): Knex.Config;
  send(connection: Connection, sql: string, params: readonly Value[], how: How): Promise<Outcome>;
  insertSql(table: string, columns: readonly string[], rows: number, returnId?: boolean): string;
  /** Ids of so many rows of one insert, in their order, from what the statement answered. */
  insertedIds(outcome: Outcome, rows: number, connection: Connection): Promise<number[]> | number[];
  /** Hears `NOTIFY channel` until the answer is called; undefined where the database has no such thing. */
  listen?(config: DatabaseConfig, channel: string, hear: () => void): () => Promise<void>;
  notifySql?: string;
  /** SQL for a column as JSON text, `null` for NULL. */
  jsonText(column: string): string;
  /** Inserts however many rows that come as one parameter, a JSON list of lists; undefined where lists of rows are as fast. */
  insertJsonSql?(table: string, columns: readonly string[], returnIds: boolean): string;
}

const drivers: Record<Dialect, Driver> = { sqlite, postgres, mysql };

export const driverFor = (config: DatabaseConfig): Driver => drivers[config.dialect];

/** Ids are given in the order of the rows, whatever the order of the answer. */
export function returnedIds({ rows }: Outcome): number[] {
  return (rows as { id: number }[]).map(({ id }) => id).sort((one, two) => one - two);
}

/** `INSERT INTO t (a, b) VALUES (?, ?), …`; names come from our own definitions, never from a request. */
export function insertText(table: string, columns: readonly string[], rows: number, quote: string): string {
  const names = columns.map((column) => `${quote}${column}${quote}`).join(', ');
  const tuple = `(${columns.map(() => '?').join(', ')})`;
  return `INSERT INTO ${table} (${names}) VALUES ${Array.from({ length: rows }, () => tuple).join(', ')}`;
}
