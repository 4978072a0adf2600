/** A database of its own for a test file, on each of the three; those that are not there are skipped by name. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import knexPackage from 'knex';
import { describe } from 'vitest';
import type { DatabaseConfig } from '../../src/base/config.ts';
import { Database } from '../../src/db/database.ts';
import type { Dialect } from '../../src/db/dialect.ts';
import { up } from '../../src/db/migrate.ts';

const every: Dialect[] = ['sqlite', 'postgres', 'mysql'];
const present = (process.env.ASSETRA_TEST_DIALECTS ?? 'sqlite').split(',');
const servers = {
  postgres: process.env.ASSETRA_TEST_PG_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres',
  mysql: process.env.ASSETRA_TEST_MYSQL_URL ?? 'mysql://root@127.0.0.1:3306/mysql',
};

export type Server = Exclude<Dialect, 'sqlite'>;

export interface TestDatabase {
  config: DatabaseConfig;
  database: Database;
  drop(): Promise<void>;
}

/** The suite once for each database; `npm test` says which ran. */
export function onEveryDatabase(name: string, suite: (dialect: Dialect) => void): void {
  for (const dialect of every)
    describe.skipIf(!present.includes(dialect))(`${name} (${dialect})`, () => suite(dialect));
}

/** The same for the two that are reached over a network. */
export function onEveryServer(name: string, suite: (dialect: Server) => void): void {
  for (const dialect of ['postgres', 'mysql'] as const)
    describe.skipIf(!present.includes(dialect))(`${name} (${dialect})`, () => suite(dialect));
}

/** A fresh, migrated database, gone after `drop()`. */
export async function temporaryDatabase(dialect: Dialect): Promise<TestDatabase> {
  const { config, remove } = await emptyDatabase(dialect);
  const database = new Database(config);
  await up(database);
  const drop = async () => {
    await database.close();
    await remove();
  };
  return { config, database, drop };
}

/** A database without tables; on SQLite a file that is not there yet. `remove` drops it. */
export async function emptyDatabase(dialect: Dialect): Promise<{ config: DatabaseConfig; remove(): Promise<void> }> {
  const name = `assetra_test_${randomBytes(5).toString('hex')}`;
  if (dialect === 'sqlite') {
    const folder = mkdtempSync(join(tmpdir(), 'assetra-db-'));
    const config = { dialect, filename: join(folder, 'assetra.db'), poolSize: 4 };
    return { config, remove: async () => rmSync(folder, { recursive: true, force: true }) };
  }
  const server = servers[dialect];
  await administer(dialect, server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  const config: DatabaseConfig = {
    dialect,
    host: url.hostname,
    port: Number(url.port || (dialect === 'postgres' ? 5432 : 3306)),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    name,
    poolSize: 6,
  };
  return { config, remove: () => administer(dialect, server, `DROP DATABASE ${name}`) };
}

/** Runs one statement as the owner of a server. */
export async function administer(dialect: Server, url: string, sql: string): Promise<void> {
  const knex = knexPackage({
    client: dialect === 'postgres' ? 'pg' : 'mysql2',
    connection: url,
    pool: { min: 0, max: 1 },
    // It is told by what is thrown.
    log: { warn() {}, error() {}, deprecate() {}, debug() {} },
  });
  try {
    await knex.raw(sql);
  } finally {
    await knex.destroy();
  }
}
