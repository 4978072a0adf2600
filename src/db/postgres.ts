/** PostgreSQL: READ COMMITTED, named prepared statements, numbers as numbers. */
import type { Socket } from 'node:net';
import type { Knex } from 'knex';
import type { Client } from 'pg';
import type { DatabaseConfig } from '../base/config.ts';
import { sha256 } from '../base/ids.ts';
import { type Driver, insertText, type Outcome, returnedIds } from './dialect.ts';
import { answered, lockPatience, usualPatience } from './patience.ts';
import { addressOf, listen } from './postgres-listener.ts';

const int8 = 20;
const numeric = 1700;
/** Statement names and `$n` texts by SQL text; texts come from code, so the map is bounded by the code. */
const texts = new Map<string, { name: string; text: string }>();

export const postgres: Driver = {
  compiler: 'pg',
  separateReaders: false,
  oneWriter: false,
  groups: 2,
  begin: 'BEGIN ISOLATION LEVEL READ COMMITTED',
  // Keys never change, so inserts that refer to the row need not wait: with FOR UPDATE two daemons deadlock over them.
  forUpdate: ' FOR NO KEY UPDATE',
  forShare: ' FOR SHARE',
  skipLocked: ' FOR NO KEY UPDATE SKIP LOCKED',
  clock: '(extract(epoch FROM statement_timestamp()) * 1000)::bigint',
  updateReturning: true,
  listen,
  notifySql: "SELECT pg_notify(?, '')",
  pool(config: DatabaseConfig): Knex.Config {
    return {
      client: 'pg',
      connection: {
        ...addressOf(config),
        // Identities stay far below 2^53; sums and counts too.
        types: { getTypeParser: parserOf } as never,
      },
      pool: {
        min: 0,
        max: config.poolSize,
        afterCreate: (client: Client, done: (error: Error | null, client: Client) => void) => {
          // By statement and not at the start of the connection, where a pooler may refuse it.
          const statement = client.query(`SET lock_timeout = ${lockPatience}`);
          answered(socketOf(client), statement, usualPatience).then(
            () => done(null, client),
            (error) => done(error, client),
          );
        },
      },
      acquireConnectionTimeout: 10_000,
    };
  },
  async send(client: Client, sql, params, { native, patience }): Promise<Outcome> {
    const { name, text } = statementOf(sql, native);
    const bare = params.length === 0 && /^(begin|commit|rollback|savepoint|release)/i.test(sql);
    const statement = client.query(bare ? { text } : { name, text, values: params as unknown[] });
    const result = await answered(socketOf(client), statement, patience);
    const rows = result.rows as { id?: number }[];
    return { rows, changes: result.rowCount ?? 0, insertId: rows[0]?.id ?? 0 };
  },
  insertSql: (table, columns, rows, returnId = true) =>
    insertText(table, columns, rows, '"') + (returnId ? ' RETURNING id' : ''),
  insertedIds: returnedIds,
  jsonText: (column) => `COALESCE(to_json(${column})::text, 'null')`,
};

// The type leaves it out; knex and pg's own pool reach for it too.
const socketOf = (client: Client): Socket => (client as never as { connection: { stream: Socket } }).connection.stream;

function parserOf(oid: number): (text: string) => unknown {
  if (oid === int8 || oid === numeric) return Number;
  if (oid === 16) return (text) => text === 't';
  if (oid === 21 || oid === 23) return Number;
  if (oid === 700 || oid === 701) return Number;
  return (text) => text;
}

function statementOf(sql: string, native: boolean): { name: string; text: string } {
  const known = texts.get(sql);
  if (known) return known;
  let position = 0;
  const text = native ? sql : sql.replace(/\?/g, () => `$${++position}`);
  const entry = { name: `a${sha256(sql).slice(0, 24)}`, text };
  // Dynamic lists make a new text for each mix of filters; beyond this many, statements stay unnamed.
  if (texts.size < 1_000) texts.set(sql, entry);
  return texts.size < 1_000 ? entry : { name: '', text };
}
