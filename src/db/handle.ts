/** What every statement goes through: the database itself, or one transaction on it. */
import type { Knex } from 'knex';
import type { Database } from './database.ts';
import type { Dialect, Value } from './dialect.ts';

export type Row = Record<string, unknown>;

export interface Db {
  readonly dialect: Dialect;
  readonly inTransaction: boolean;
  /** Compiles queries for this dialect and cannot run them: pass the result to `run`. */
  readonly build: Knex;
  /** Runs SQL text with `?` placeholders, prepared and kept by its text: never put a value into the text. */
  query<T = Row>(sql: string, params?: readonly Value[]): Promise<T[]>;
  /** The same for a statement that changes rows; resolves to how many. */
  execute(sql: string, params?: readonly Value[]): Promise<number>;
  /** Runs what `build` compiled. `tail` is appended text such as ` FOR UPDATE` or a LIMIT of plain integers. */
  run<T = Row>(query: Knex.QueryBuilder, tail?: string): Promise<T[]>;
  /** Inserts one row and answers its id. */
  insert(table: string, row: Record<string, Value>): Promise<number>;
  /** Inserts rows of one shape, hundreds with each statement; none of their values may be bytes. */
  insertMany(table: string, rows: readonly Record<string, Value>[]): Promise<void>;
  /** The same, and answers their ids in the order of the rows. */
  insertAll(table: string, rows: readonly Record<string, Value>[]): Promise<number[]>;
  /** ` FOR UPDATE` where rows are locked one by one; empty on SQLite, whose writer is alone anyway. */
  readonly forUpdate: string;
  /** Keeps a row as it is until commit, for any number at once; empty on SQLite. */
  readonly forShare: string;
  /** Locks the rows that nobody else has locked, and leaves out the others; empty on SQLite. */
  readonly skipLocked: string;
  /** SQL for the database's time in whole milliseconds since 1970: the clock that all processes share. */
  readonly clock: string;
  readonly updateReturning: boolean;
  /** One transaction writes at a time, in all processes: what it reads stays true until it ends. */
  readonly oneWriter: boolean;
  /** SQL for a text column as JSON text, `null` for NULL; escapes may differ from JavaScript's in what is rare. */
  jsonText(column: string): string;
  /** Runs work in a transaction; within one it joins the outer. Deadlocks are tried again: work must be repeatable. */
  transaction<T>(work: (tx: Db) => Promise<T>): Promise<T>;
  /**
   * The same in a transaction that short works share when they come together (group commit), each in its own savepoint;
   * resolves after the commit.
   */
  shared<T>(work: (tx: Db) => Promise<T>): Promise<T>;
  /** Within a transaction: undoes work's own changes when it throws, and leaves the rest standing. */
  savepoint<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Within a transaction: `flush` gets every item once, just before COMMIT; those of an undone savepoint are left out.
   * Flushes come in the order in which each was first named, be it without an item.
   */
  beforeCommit<T>(flush: (tx: Db, items: T[]) => Promise<void>, ...items: T[]): void;
  /** Within a transaction: runs once it is committed, for each function once; also when the part that asked was undone. */
  afterCommit(work: (root: Database) => void): void;
}
