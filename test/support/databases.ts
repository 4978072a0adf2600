/** A database of its own for a test file, on each of the three; those that are not there are skipped by name. */
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import knexPackage from 'knex';
import { describe, inject } from 'vitest';
import type { DatabaseConfig } from '../../src/base/config.ts';
import { Database } from '../../src/db/database.ts';
import type { Dialect } from '../../src/db/dialect.ts';

const every: Dialect[] = ['sqlite', 'postgres', 'mysql'];
export const present = (process.env.ASSETRA_TEST_DIALECTS ?? 'sqlite').split(',') as Dialect[];
export const servers = {
  postgres: process.env.ASSETRA_TEST_PG_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres',
  mysql: process.env.ASSETRA_TEST_MYSQL_URL ?? 'mysql://root@127.0.0.1:3306/mysql',
};

export type Server = Exclude<Dialect, 'sqlite'>;

export interface DatabasePlace {
  config: DatabaseConfig;
  remove(): Promise<void>;
}

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
  const { config, remove } = await migratedDatabase(dialect);
  const database = new Database(config);
  const drop = async () => {
    await database.close();
    await remove();
  };
  return { config, database, drop };
}

/** A copy of the one that `prepare.ts` has migrated: to migrate each anew would be most of the time of a run. */
export async function migratedDatabase(dialect: Dialect): Promise<DatabasePlace> {
  const template = inject('templates')[dialect]!;
  if (dialect === 'postgres') return emptyDatabase(dialect, `TEMPLATE ${template}`);
  const place = await emptyDatabase(dialect);
  if (dialect === 'sqlite') copyFileSync(template, place.config.filename!);
  else await administer(dialect, servers[dialect], template, place.config.name);
  return place;
}

/** A database without tables; on SQLite a file that is not there yet. `remove` drops it. */
export async function emptyDatabase(dialect: Dialect, options = ''): Promise<DatabasePlace> {
  const name = `assetra_test_${randomBytes(5).toString('hex')}`;
  if (dialect === 'sqlite') {
    const folder = mkdtempSync(join(tmpdir(), 'assetra-db-'));
    const config = { dialect, filename: join(folder, 'assetra.db'), poolSize: 4 };
    return { config, remove: async () => rmSync(folder, { recursive: true, force: true }) };
  }
  const server = servers[dialect];
  await administer(dialect, server, `CREATE DATABASE ${name} ${options}`);
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
  return { config, remove: async () => void (await administer(dialect, server, `DROP DATABASE ${name}`)) };
}

/** Runs a statement (on MySQL also several) as the owner of a server and answers its rows. */
export async function administer(dialect: Server, url: string, sql: string, name?: string): Promise<unknown> {
  const address = new URL(url);
  if (name) address.pathname = name;
  if (dialect === 'mysql') address.searchParams.set('multipleStatements', 'true');
  const knex = knexPackage({
    client: dialect === 'postgres' ? 'pg' : 'mysql2',
    connection: address.href,
    pool: { min: 0, max: 1 },
    // It is told by what is thrown.
    log: { warn() {}, error() {}, deprecate() {}, debug() {} },
  });
  try {
    const [rows] = dialect === 'mysql' ? await knex.raw(sql) : [(await knex.raw(sql)).rows];
    return rows;
  } finally {
    await knex.destroy();
  }
}
