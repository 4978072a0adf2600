/** The three drivers with nothing around them: a pool, prepared statements, transactions. */
import mysql from 'mysql2';
import pg from 'pg';
import sqlite3 from 'sqlite3';
import type { DatabaseConfig } from '../../src/base/database-url.ts';
import { insertText } from '../../src/db/dialect.ts';

export type Row = Record<string, unknown>;
export type Send = (sql: string, params: unknown[]) => Promise<{ rows: Row[]; insertId: number }>;

export interface BareDriver {
  read: Send;
  transaction<T>(work: (send: Send) => Promise<T>): Promise<T>;
  insertSql(table: string, columns: string[], rows?: number, returnId?: boolean): string;
  close(): Promise<void>;
}

const connections = 10;

export const openDriver = (config: DatabaseConfig): Promise<BareDriver> =>
  ({ sqlite: openSqlite, postgres: openPostgres, mysql: openMysql })[config.dialect](config);

async function openSqlite({ filename }: DatabaseConfig): Promise<BareDriver> {
  const write = await openHandle(
    filename!,
    sqlite3.OPEN_READWRITE,
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL',
  );
  const readers = await Promise.all(
    Array.from({ length: 4 }, () => openHandle(filename!, sqlite3.OPEN_READONLY, 'PRAGMA busy_timeout = 5000')),
  );
  let turn = 0;
  let last: Promise<unknown> = Promise.resolve();
  return {
    read: (sql, params) => readers[turn++ % readers.length]!.send(sql, params),
    // One writer: transactions wait for each other here and not in SQLite's lock.
    transaction: (work) => {
      const done = last.then(() => around(write.send, 'BEGIN IMMEDIATE', work));
      last = done.catch(() => undefined);
      return done;
    },
    insertSql: (table, columns, rows = 1, returnId = rows === 1) =>
      insertText(table, columns, rows, '"') + (returnId ? ' RETURNING id' : ''),
    close: async () => {
      for (const handle of [write, ...readers]) await handle.close();
    },
  };
}

async function openHandle(filename: string, mode: number, pragmas: string) {
  const handle = await new Promise<sqlite3.Database>((resolve, reject) => {
    const opened = new sqlite3.Database(filename, mode, (error) => (error ? reject(error) : resolve(opened)));
  });
  await new Promise<void>((resolve, reject) =>
    handle.exec(`PRAGMA foreign_keys = ON; PRAGMA cache_size = -16000; ${pragmas}`, (error) =>
      error ? reject(error) : resolve(),
    ),
  );
  const statements = new Map<string, sqlite3.Statement>();
  const send: Send = (sql, params) => {
    const statement = statements.get(sql) ?? handle.prepare(sql);
    statements.set(sql, statement);
    return new Promise((resolve, reject) =>
      statement.all(params, (error: Error | null, rows: Row[]) =>
        error ? reject(error) : resolve({ rows, insertId: Number(rows[0]?.id ?? 0) }),
      ),
    );
  };
  const close = async () => {
    for (const statement of statements.values())
      await new Promise<void>((resolve) => statement.finalize(() => resolve()));
    await new Promise((resolve) => handle.close(resolve));
  };
  return { send, close };
}

async function openPostgres(config: DatabaseConfig): Promise<BareDriver> {
  const pool = new pg.Pool({
    host: config.socketPath ?? config.host!,
    port: config.port!,
    user: config.user!,
    password: config.password!,
    database: config.name!,
    max: connections,
  });
  pg.types.setTypeParser(pg.types.builtins.INT8, Number);
  const texts = new Map<string, { name: string; text: string }>();
  const named = (sql: string) => {
    let position = 0;
    const entry = texts.get(sql) ?? { name: `b${texts.size}`, text: sql.replace(/\?/g, () => `$${++position}`) };
    texts.set(sql, entry);
    return entry;
  };
  const sendBy =
    (client: { query(config: pg.QueryConfig): Promise<pg.QueryResult> }): Send =>
    async (sql, params) => {
      const { rows } = await client.query(params.length > 0 ? { ...named(sql), values: params } : { text: sql });
      return { rows, insertId: rows[0]?.id ?? 0 };
    };
  return {
    read: sendBy(pool),
    transaction: async (work) => {
      const client = await pool.connect();
      try {
        return await around(sendBy(client), 'BEGIN', work);
      } finally {
        client.release();
      }
    },
    insertSql: (table, columns, rows = 1, returnId = rows === 1) =>
      insertText(table, columns, rows, '"') + (returnId ? ' RETURNING id' : ''),
    close: () => pool.end(),
  };
}

async function openMysql(config: DatabaseConfig): Promise<BareDriver> {
  const pool = mysql.createPool({
    ...(config.socketPath ? { socketPath: config.socketPath } : { host: config.host!, port: config.port! }),
    user: config.user!,
    password: config.password!,
    database: config.name!,
    charset: 'utf8mb4_bin',
    connectionLimit: connections,
  });
  pool.on('connection', (connection) => {
    connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
  });
  const sendBy =
    (connection: mysql.Pool | mysql.PoolConnection): Send =>
    (sql, params) =>
      new Promise((resolve, reject) => {
        const done = (error: Error | null, result: unknown) =>
          error ? reject(error) : resolve(outcomeOf(result as Row[] | mysql.ResultSetHeader));
        if (params.length > 0) connection.execute(sql, params as string[], done);
        else connection.query(sql, done);
      });
  return {
    read: sendBy(pool),
    transaction: async (work) => {
      const connection = await new Promise<mysql.PoolConnection>((resolve, reject) =>
        pool.getConnection((error, given) => (error ? reject(error) : resolve(given))),
      );
      try {
        return await around(sendBy(connection), 'START TRANSACTION', work);
      } finally {
        connection.release();
      }
    },
    insertSql: (table, columns, rows = 1) => insertText(table, columns, rows, '`'),
    close: () => new Promise((resolve, reject) => pool.end((error) => (error ? reject(error) : resolve()))),
  };
}

const outcomeOf = (result: Row[] | mysql.ResultSetHeader) =>
  Array.isArray(result) ? { rows: result, insertId: 0 } : { rows: [], insertId: result.insertId };

async function around<T>(send: Send, begin: string, work: (send: Send) => Promise<T>): Promise<T> {
  await send(begin, []);
  try {
    const result = await work(send);
    await send('COMMIT', []);
    return result;
  } catch (error) {
    await send('ROLLBACK', []);
    throw error;
  }
}
