/** The handle within one transaction: every statement goes over its connection, and what waits for the end is written then. */
import type { Knex } from 'knex';
import { AppError, Unavailable } from '../base/errors.ts';
import type { Database, Db } from './database.ts';
import type { Connection, Dialect, Driver, Outcome, Value } from './dialect.ts';
import { retryable } from './errors.ts';

/** Rows of one insert. Beyond the first few counts only powers of two, so that there are few texts to prepare. */
const mostRows = 256;
const anyCount = 32;

type Send = (sql: string, params?: readonly Value[], native?: boolean) => Promise<Outcome>;
type Flush = (tx: Db, items: never[]) => Promise<void>;

export class Transaction implements Db {
  readonly inTransaction = true;
  readonly dialect: Dialect;
  readonly build: Knex;
  readonly forUpdate: string;
  readonly forShare: string;
  readonly skipLocked: string;
  readonly clock: string;
  readonly updateReturning: boolean;
  readonly oneWriter: boolean;
  /** What is to run once it is committed. */
  readonly after = new Set<(root: Database) => void>();
  readonly #driver: Driver;
  readonly #send: Send;
  readonly #ids: (outcome: Outcome, rows: number) => Promise<number[]> | number[];
  readonly #collected = new Map<Flush, unknown[]>();
  #changes = 0;
  /** Parts within parts have names of their own: on MySQL one of the same name would replace the outer. */
  #depth = 0;

  constructor(dialect: Dialect, driver: Driver, build: Knex, connection: Connection, send: Send) {
    this.dialect = dialect;
    this.build = build;
    this.forUpdate = driver.forUpdate;
    this.forShare = driver.forShare;
    this.skipLocked = driver.skipLocked;
    this.clock = driver.clock;
    this.updateReturning = driver.updateReturning;
    this.oneWriter = driver.oneWriter;
    this.#driver = driver;
    this.#ids = (outcome, rows) => driver.insertedIds(outcome, rows, connection);
    this.#send = (sql, params, native) => {
      if (!/^\s*select\b/i.test(sql)) this.#changes += 1;
      return send(sql, params, native);
    };
  }

  /** How many statements so far were more than a question. */
  get changes(): number {
    return this.#changes;
  }

  async query<T>(sql: string, params: readonly Value[] = []): Promise<T[]> {
    return (await this.#send(sql, params)).rows as T[];
  }

  async execute(sql: string, params: readonly Value[] = []): Promise<number> {
    return (await this.#send(sql, params)).changes;
  }

  async run<T>(query: Knex.QueryBuilder, tail = ''): Promise<T[]> {
    const { sql, bindings } = query.toSQL().toNative();
    return (await this.#send(sql + tail, bindings as Value[], true)).rows as T[];
  }

  async insert(table: string, row: Record<string, Value>): Promise<number> {
    const sql = this.#driver.insertSql(table, Object.keys(row), 1);
    return (await this.#send(sql, Object.values(row))).insertId;
  }

  async insertMany(table: string, rows: readonly Record<string, Value>[]): Promise<void> {
    await this.#inChunks(rows, (columns, values) => this.#insertRows(table, columns, values, false));
  }

  async insertAll(table: string, rows: readonly Record<string, Value>[]): Promise<number[]> {
    const ids: number[] = [];
    await this.#inChunks(rows, async (columns, values) => {
      ids.push(...(await this.#ids(await this.#insertRows(table, columns, values, true), values.length)));
    });
    return ids;
  }

  async #inChunks(
    rows: readonly Record<string, Value>[],
    insert: (columns: string[], values: Value[][]) => Promise<unknown>,
  ): Promise<void> {
    const columns = Object.keys(rows[0] ?? {});
    for (let from = 0; from < rows.length; ) {
      const left = Math.min(mostRows, rows.length - from);
      const count = left <= anyCount ? left : 2 ** Math.floor(Math.log2(left));
      await insert(
        columns,
        rows.slice(from, from + count).map((row) => columns.map((column) => row[column] ?? null)),
      );
      from += count;
    }
  }

  #insertRows(table: string, columns: string[], rows: Value[][], returnIds: boolean): Promise<Outcome> {
    const { insertSql, insertJsonSql } = this.#driver;
    if (insertJsonSql) return this.#send(insertJsonSql(table, columns, returnIds), [JSON.stringify(rows)]);
    return this.#send(insertSql(table, columns, rows.length, returnIds), rows.flat());
  }

  jsonText(column: string): string {
    return this.#driver.jsonText(column);
  }

  transaction<T>(work: (tx: Db) => Promise<T>): Promise<T> {
    return work(this);
  }

  shared<T>(work: (tx: Db) => Promise<T>): Promise<T> {
    return work(this);
  }

  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    const forget = this.remember();
    this.#depth += 1;
    const name = `part${this.#depth}`;
    try {
      await this.#send(`SAVEPOINT ${name}`);
      const result = await work();
      await this.#send(`RELEASE SAVEPOINT ${name}`);
      return result;
    } catch (error) {
      await this.#undo(name, error);
      forget();
      throw error;
    } finally {
      this.#depth -= 1;
    }
  }

  beforeCommit<T>(flush: (tx: Db, items: T[]) => Promise<void>, ...more: T[]): void {
    const items = this.#collected.get(flush) ?? [];
    this.#collected.set(flush, items);
    items.push(...more);
  }

  afterCommit(work: (root: Database) => void): void {
    this.after.add(work);
  }

  /** Takes back, when called, whatever was collected for the commit, and for after it, since. */
  remember(): () => void {
    const before = new Map([...this.#collected].map(([flush, items]) => [flush, items.length]));
    const known = this.after.size;
    return () => {
      for (const [flush, items] of this.#collected) items.length = before.get(flush) ?? 0;
      if (this.after.size > known) for (const work of [...this.after].slice(known)) this.after.delete(work);
    };
  }

  async commit(): Promise<void> {
    // One flush may bring items for another, or for one that has been.
    while ([...this.#collected.values()].some(({ length }) => length > 0))
      for (const [flush, items] of this.#collected) if (items.length > 0) await flush(this, items.splice(0) as never[]);
    try {
      await this.#send('COMMIT');
    } catch (error) {
      // It may be on disk all the same: whoever tried it again by itself would do it twice.
      if (retryable(error) || error instanceof Unavailable) throw error;
      throw new Unavailable('The database did not confirm the change. Try again.', { cause: error });
    }
  }

  /** SQLite ends the whole transaction by itself when the disk is full, MySQL at a deadlock: then no part is left standing. */
  async #undo(name: string, reason: unknown): Promise<void> {
    try {
      await this.#send(`ROLLBACK TO SAVEPOINT ${name}`);
    } catch (cause) {
      if (reason instanceof AppError && reason.status === 503) throw reason;
      throw new Unavailable('The database gave the transaction up. Try again.', { cause });
    }
  }
}
