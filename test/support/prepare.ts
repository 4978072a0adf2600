/** Before any test of a run: one migrated database on each server, for `databases.ts` to copy. Gone at the end. */
import type { TestProject } from 'vitest/node';
import { Database } from '../../src/db/database.ts';
import type { Dialect } from '../../src/db/dialect.ts';
import { up } from '../../src/db/migrate.ts';
import { administer, emptyDatabase, present, servers } from './databases.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** By dialect: the file, the name of the database, or the statements that make one. */
    templates: Partial<Record<Dialect, string>>;
  }
}

export default async function prepare(project: TestProject): Promise<() => Promise<void>> {
  const made = await Promise.all(present.map(template));
  project.provide('templates', Object.fromEntries(made.map(({ dialect, recipe }) => [dialect, recipe])));
  return async () => {
    await Promise.all(made.map(({ remove }) => remove()));
  };
}

async function template(dialect: Dialect) {
  const { config, remove } = await emptyDatabase(dialect);
  const database = new Database(config);
  try {
    await up(database);
  } finally {
    await database.close();
  }
  const recipe =
    dialect === 'sqlite' ? config.filename! : dialect === 'postgres' ? config.name! : await statementsOf(config.name!);
  return { dialect, recipe, remove };
}

/** MySQL and MariaDB copy no database: the tables, their first rows, the views and the triggers as SQL. */
async function statementsOf(name: string): Promise<string> {
  const rows = async (sql: string) => (await administer('mysql', servers.mysql, sql, name)) as Record<string, string>[];
  const named = async (sql: string) => (await rows(sql)).map((row) => Object.values(row)[0]!);
  const shown = async (kind: string, key: string, names: string[]) => {
    const sql = [];
    for (const each of names) sql.push((await rows(`SHOW CREATE ${kind} \`${each}\``))[0]![key]!);
    return sql;
  };
  const tables = await named("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'");
  const filled = [];
  for (const table of tables) if ((await rows(`SELECT 1 FROM \`${table}\` LIMIT 1`)).length > 0) filled.push(table);
  return [
    'SET FOREIGN_KEY_CHECKS = 0',
    ...(await shown('TABLE', 'Create Table', tables)),
    ...filled.map((table) => `INSERT INTO \`${table}\` SELECT * FROM \`${name}\`.\`${table}\``),
    ...(await shown('VIEW', 'Create View', await named("SHOW FULL TABLES WHERE Table_type = 'VIEW'"))),
    ...(await shown('TRIGGER', 'SQL Original Statement', await named('SHOW TRIGGERS'))),
  ].join(';\n');
}
