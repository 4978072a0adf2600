/** MySQL and MariaDB: READ COMMITTED, binary collation, no RETURNING. */
import type { Socket } from 'node:net';
import type { Knex } from 'knex';
import type { Connection, ResultSetHeader } from 'mysql2';
import type { DatabaseConfig } from '../base/config.ts';
import { type Driver, insertText, type Outcome, type Value } from './dialect.ts';
import { answered, lockPatience, usualPatience } from './patience.ts';

// The isolation variable has one name on MySQL 8 and another on MariaDB; the statement is the same on both.
const session = [
  'SET NAMES utf8mb4 COLLATE utf8mb4_bin',
  "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY'",
  "SET SESSION time_zone = '+00:00'",
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  `SET SESSION innodb_lock_wait_timeout = ${lockPatience / 1_000}`,
];

export const mysql: Driver = {
  compiler: 'mysql2',
  separateReaders: false,
  oneWriter: false,
  groups: 2,
  begin: 'START TRANSACTION',
  forUpdate: ' FOR UPDATE',
  // MariaDB does not know FOR SHARE.
  forShare: ' LOCK IN SHARE MODE',
  skipLocked: ' FOR UPDATE SKIP LOCKED',
  clock: 'CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)',
  updateReturning: false,
  pool(config: DatabaseConfig): Knex.Config {
    return {
      client: 'mysql2',
      connection: {
        ...(config.socketPath ? { socketPath: config.socketPath } : { host: config.host, port: config.port }),
        user: config.user,
        password: config.password,
        database: config.name,
        charset: 'utf8mb4',
        connectTimeout: 5_000,
        supportBigNumbers: true,
        decimalNumbers: true,
        maxPreparedStatements: 400,
      } as Knex.MySql2ConnectionConfig,
      pool: {
        min: 0,
        max: config.poolSize,
        afterCreate: (connection: Connection, done: (error: Error | null, connection: Connection) => void) =>
          prepareSession(connection).then(
            () => done(null, connection),
            (error) => done(error, connection),
          ),
      },
      acquireConnectionTimeout: 10_000,
    };
  },
  send(connection: Connection, sql, params, { patience }): Promise<Outcome> {
    // The prepared protocol has no transaction control.
    const transactional = params.length === 0 && /^(start|commit|rollback|savepoint|release)/i.test(sql);
    const statement = new Promise<Outcome>((resolve, reject) => {
      const done = (error: Error | null, result: unknown) => (error ? reject(error) : resolve(outcomeOf(result)));
      if (transactional) connection.query(sql, done);
      else connection.execute(sql, params as Value[], done);
    });
    return answered(socketOf(connection), statement, patience);
  },
  insertSql: (table, columns, rows) => insertText(table, columns, rows, '`'),
  // InnoDB gives a statement whose rows are counted ids one step apart (clusters count in steps of their size).
  insertedIds: async ({ insertId }, rows, connection) => {
    const step = await stepOf(connection);
    return Array.from({ length: rows }, (_, index) => insertId + index * step);
  },
  jsonText: (column) => `COALESCE(JSON_QUOTE(${column}), 'null')`,
};

const steps = new WeakMap<object, number>();

async function stepOf(connection: Connection): Promise<number> {
  const known = steps.get(connection);
  if (known) return known;
  const sql = 'SELECT @@auto_increment_increment AS step';
  const how = { native: false, patience: usualPatience };
  const { rows } = await mysql.send(connection, sql, [], how);
  const { step } = rows[0] as { step: number };
  steps.set(connection, Number(step));
  return Number(step);
}

// The type leaves it out.
const socketOf = (connection: Connection): Socket => (connection as never as { stream: Socket }).stream;

async function prepareSession(connection: Connection): Promise<void> {
  for (const sql of session) {
    const statement = new Promise<void>((resolve, reject) => {
      connection.query(sql, (error) => (error ? reject(error) : resolve()));
    });
    await answered(socketOf(connection), statement, usualPatience);
  }
}

function outcomeOf(result: unknown): Outcome {
  if (Array.isArray(result)) return { rows: result, changes: 0, insertId: 0 };
  const header = result as ResultSetHeader;
  return { rows: [], changes: header.affectedRows, insertId: header.insertId };
}
