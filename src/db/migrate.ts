/** migrations/ -> the database. Names carry no extension, so source and built runs agree on what is done. */
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Knex } from 'knex';
import { ConfigError } from '../base/errors.ts';
import type { Database } from './database.ts';
import { translate } from './errors.ts';

/** Beside src/, both in the checkout and in dist/. */
const folder = resolve(import.meta.dirname, '../../migrations');

export interface MigrationStatus {
  done: string[];
  pending: string[];
}

/** Applies what is pending, in order, and answers the names. Two that start at once: one waits or is refused. */
export const up = (database: Database): Promise<string[]> => run(database, (knex) => knex.migrate.latest(config()));

/** Takes back the latest migration and answers its name; data in its tables is lost. */
export const down = (database: Database): Promise<string[]> => run(database, (knex) => knex.migrate.down(config()));

/** What is applied and what is not. A database newer than this program is a ConfigError. */
export async function status(database: Database): Promise<MigrationStatus> {
  const done = await guard(database, () => applied(database));
  refuseNewer('The database', done);
  return { done, pending: listed().filter((name) => !done.includes(name)) };
}

/** ConfigError when there is a migration among them that this program does not know. */
export function refuseNewer(what: string, names: readonly string[]): void {
  const known = listed();
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new ConfigError(
      `${what} is newer than this program (it has ${unknown.join(', ')}). Install the newer assetra.`,
    );
}

async function applied(database: Database): Promise<string[]> {
  if (!(await database.schema.schema.hasTable('knex_migrations'))) return [];
  const rows = await database.schema('knex_migrations').select('name').orderBy('id');
  return rows.map((row: { name: string }) => row.name);
}

async function run(database: Database, work: (knex: Knex) => Promise<[number, string[]]>): Promise<string[]> {
  await status(database);
  const [, names] = await guard(database, () => work(database.schema));
  return names;
}

async function guard<T>(database: Database, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translate(error, database.dialect);
  }
}

const listed = (): string[] =>
  readdirSync(folder)
    .filter((file) => /^\d{4}_[a-z_]+\.(ts|js)$/.test(file))
    .map((file) => file.replace(/\.(ts|js)$/, ''))
    .sort();

function config(): Knex.MigratorConfig {
  return {
    migrationSource: {
      getMigrations: async () => listed(),
      getMigrationName: (name: string) => name,
      getMigration: (name: string) => import(pathToFileURL(join(folder, name + extension())).href),
    },
  };
}

const extension = (): string => (import.meta.filename.endsWith('.ts') ? '.ts' : '.js');
