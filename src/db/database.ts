/**
 * The one way to the database. knex compiles SQL and keeps the pools; statements run prepared, through the driver.
 * A handle passed to `transaction` work is bound to its connection, so nothing can escape its transaction.
 */
import knexPackage, { type Knex } from 'knex';
import type { DatabaseConfig } from '../base/config.ts';
import { Unavailable } from '../base/errors.ts';
import { type Connection, type Dialect, type Driver, driverFor, type Outcome, type Value } from './dialect.ts';
import { retryable, translate } from './errors.ts';
import { GroupCommit } from './group-commit.ts';
import type { Db, Row } from './handle.ts';
import { usualPatience } from './patience.ts';
import { Transaction } from './transaction.ts';

export type { Db, Row } from './handle.ts';

export interface PoolState {
  size: number;
  used: number;
  waiting: number;
}

const attempts = 6;
/** No further try after so many ms: each may have waited for a lock. */
const triesFor = 8_000;
/** knex prints what it also throws; it is told once, by whoever catches it. */
const quiet = { warn() {}, error() {}, deprecate() {}, debug() {} };

/** Opens pools, but no connection: the first statement does. Call `close()` when done. */
export class Database implements Db {
  readonly inTransaction = false;
  readonly dialect: Dialect;
  readonly build: Knex;
  readonly forUpdate: string;
  readonly forShare: string;
  readonly skipLocked: string;
  readonly clock: string;
  readonly updateReturning: boolean;
  readonly oneWriter: boolean;
  readonly #driver: Driver;
  readonly #config: DatabaseConfig;
  readonly #writer: Knex;
  readonly #reader: Knex;
  readonly #groups: GroupCommit;
  readonly #patience: number;
  #observe: ((seconds: number) => void) | undefined;

  constructor(config: DatabaseConfig) {
    this.#driver = driverFor(config);
    this.#config = config;
    this.dialect = config.dialect;
    this.forUpdate = this.#driver.forUpdate;
    this.forShare = this.#driver.forShare;
    this.skipLocked = this.#driver.skipLocked;
    this.clock = this.#driver.clock;
    this.updateReturning = this.#driver.updateReturning;
    this.oneWriter = this.#driver.oneWriter;
    this.#patience = config.patience ?? usualPatience;
    const once = <T>(work: (tx: Transaction) => Promise<T>) => this.#once(work);
    this.#groups = new GroupCommit({ once, transaction: (work) => this.transaction(work) }, this.#driver.groups);
    this.build = knexPackage({ client: this.#driver.compiler, useNullAsDefault: true, log: quiet });
    this.#writer = knexPackage({ ...this.#driver.pool(config, 'write'), log: quiet });
    this.#reader = this.#driver.separateReaders
      ? knexPackage({ ...this.#driver.pool(config, 'read'), log: quiet })
      : this.#writer;
  }

  /** Told the seconds of every statement run outside and inside transactions. */
  observe(listener: (seconds: number) => void): void {
    this.#observe = listener;
  }

  /** For migrations alone. */
  get schema(): Knex {
    return this.#writer;
  }

  poolState(): PoolState {
    const pools = this.#reader === this.#writer ? [this.#writer] : [this.#writer, this.#reader];
    const sum = (measure: (pool: Pool) => number) =>
      pools.reduce((total, knex) => total + measure(knex.client.pool), 0);
    return {
      size: sum((pool) => pool.max),
      used: sum((pool) => pool.numUsed()),
      waiting: sum((pool) => pool.numPendingAcquires()),
    };
  }

  query<T = Row>(sql: string, params: readonly Value[] = []): Promise<T[]> {
    return this.#with(this.#reader, async (connection) => (await this.#send(connection, sql, params)).rows as T[]);
  }

  run<T = Row>(query: Knex.QueryBuilder, tail = ''): Promise<T[]> {
    const { sql, bindings } = query.toSQL().toNative();
    const write = !/^\s*select/i.test(sql);
    return this.#with(write ? this.#writer : this.#reader, async (connection) => {
      const outcome = await this.#send(connection, sql + tail, bindings as Value[], true);
      return outcome.rows as T[];
    });
  }

  execute(sql: string, params: readonly Value[] = []): Promise<number> {
    return this.#with(this.#writer, async (connection) => (await this.#send(connection, sql, params)).changes);
  }

  insert(table: string, row: Record<string, Value>): Promise<number> {
    return this.transaction((tx) => tx.insert(table, row));
  }

  insertMany(table: string, rows: readonly Record<string, Value>[]): Promise<void> {
    return this.transaction((tx) => tx.insertMany(table, rows));
  }

  insertAll(table: string, rows: readonly Record<string, Value>[]): Promise<number[]> {
    return this.transaction((tx) => tx.insertAll(table, rows));
  }

  async transaction<T>(work: (tx: Db) => Promise<T>): Promise<T> {
    const end = Date.now() + triesFor;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(work);
      } catch (error) {
        if (!retryable(error)) throw error;
        if (attempt === attempts || Date.now() > end)
          throw new Unavailable('The database is busy. Try again.', { cause: error });
        await new Promise((resolve) => setTimeout(resolve, 5 * 2 ** attempt * Math.random()));
      }
    }
  }

  jsonText(column: string): string {
    return this.#driver.jsonText(column);
  }

  shared<T>(work: (tx: Db) => Promise<T>): Promise<T> {
    return this.#groups.run(work);
  }

  savepoint<T>(): Promise<T> {
    throw new Error('savepoint() needs a transaction around it');
  }

  beforeCommit(): void {
    throw new Error('beforeCommit() needs a transaction around it');
  }

  afterCommit(): void {
    throw new Error('afterCommit() needs a transaction around it');
  }

  /** Tells other processes that listen, where the database can; a hint that may be lost. */
  notify(channel: string): void {
    if (this.#driver.notifySql) this.query(this.#driver.notifySql, [channel]).catch(() => undefined);
  }

  /** Hears what other processes notify until the answer is called. Where the database cannot tell, nothing is heard. */
  listen(channel: string, hear: () => void): () => Promise<void> {
    return this.#driver.listen?.(this.#config, channel, hear) ?? (async () => undefined);
  }

  async close(): Promise<void> {
    if (this.#reader !== this.#writer) await this.#reader.destroy();
    // Last: on SQLite only a writer can bring the write-ahead log into the file.
    await this.#writer.destroy();
    await this.build.destroy();
  }

  /** One try; `transaction` has more. */
  async #once<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const { result, after } = await this.#with(this.#writer, async (connection) => {
      const send = (sql: string, params: readonly Value[] = [], native = false) =>
        this.#send(connection, sql, params, native);
      await send(this.#driver.begin);
      try {
        const tx = new Transaction(this.dialect, this.#driver, this.build, connection, send);
        const result = await work(tx);
        await tx.commit();
        return { result, after: tx.after };
      } catch (error) {
        // A connection that died has nothing left to roll back; the first error is the one to tell.
        await send('ROLLBACK').catch(() => undefined);
        throw error;
      }
    });
    for (const work of after) this.#afterwards(work);
    return result;
  }

  /** What fails now must not look as if the change had failed, which would then be made twice. */
  #afterwards(work: (root: Database) => void): void {
    try {
      work(this);
    } catch (error) {
      process.emitWarning(error as Error);
    }
  }

  async #with<T>(knex: Knex, work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await knex.client.acquireConnection().catch((error: unknown) => {
      throw translate(error, this.dialect);
    });
    try {
      return await work(connection);
    } finally {
      await knex.client.releaseConnection(connection);
    }
  }

  async #send(connection: Connection, sql: string, params: readonly Value[], native = false): Promise<Outcome> {
    const started = this.#observe ? process.hrtime.bigint() : 0n;
    try {
      return await this.#driver.send(connection, sql, params, { native, patience: this.#patience });
    } catch (error) {
      throw translate(error, this.dialect);
    } finally {
      this.#observe?.(Number(process.hrtime.bigint() - started) / 1e9);
    }
  }
}

interface Pool {
  max: number;
  numUsed(): number;
  numPendingAcquires(): number;
}
