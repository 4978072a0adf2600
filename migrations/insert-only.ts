/** Triggers that refuse every change of a table's rows, from whoever has the database open. What they leave open `doctor` tells. */
import type { Knex } from 'knex';
import { isMysql } from './columns.ts';

/** MySQL and MariaDB with binary logging let only an administrator make triggers. */
const needsAdministrator = 1419;

export async function makeInsertOnly(knex: Knex, table: string): Promise<void> {
  const refusal = `${table} is insert-only`;
  if (isMysql(knex)) return guardMysql(knex, table, refusal);
  return isPostgres(knex) ? guardPostgres(knex, table, refusal) : guardSqlite(knex, table, refusal);
}

export async function makeChangeable(knex: Knex, table: string): Promise<void> {
  if (isPostgres(knex)) {
    await knex.raw(`DROP FUNCTION ${table}_refuse() CASCADE`);
    return;
  }
  for (const act of ['update', 'delete', 'replace']) await knex.raw(`DROP TRIGGER IF EXISTS ${table}_no_${act}`);
}

const isPostgres = (knex: Knex): boolean => knex.client.config.client === 'pg';

async function guardSqlite(knex: Knex, table: string, refusal: string): Promise<void> {
  const raise = `BEGIN SELECT RAISE(ABORT, '${refusal}'); END`;
  await knex.raw(`CREATE TRIGGER ${table}_no_update BEFORE UPDATE ON ${table} ${raise}`);
  await knex.raw(`CREATE TRIGGER ${table}_no_delete BEFORE DELETE ON ${table} ${raise}`);
  // INSERT OR REPLACE deletes without asking the trigger above, unless the connection set recursive_triggers.
  const taken = `EXISTS (SELECT 1 FROM ${table} WHERE id = NEW.id)`;
  await knex.raw(`CREATE TRIGGER ${table}_no_replace BEFORE INSERT ON ${table} WHEN ${taken} ${raise}`);
}

async function guardPostgres(knex: Knex, table: string, refusal: string): Promise<void> {
  await knex.raw(
    `CREATE FUNCTION ${table}_refuse() RETURNS trigger LANGUAGE plpgsql AS ` +
      `$$ BEGIN RAISE EXCEPTION '${refusal}'; END $$`,
  );
  const refuse = `EXECUTE FUNCTION ${table}_refuse()`;
  await knex.raw(`CREATE TRIGGER ${table}_no_update BEFORE UPDATE ON ${table} FOR EACH ROW ${refuse}`);
  await knex.raw(`CREATE TRIGGER ${table}_no_delete BEFORE DELETE ON ${table} FOR EACH ROW ${refuse}`);
  await knex.raw(`CREATE TRIGGER ${table}_no_truncate BEFORE TRUNCATE ON ${table} FOR EACH STATEMENT ${refuse}`);
}

async function guardMysql(knex: Knex, table: string, refusal: string): Promise<void> {
  const signal = `FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '${refusal}'`;
  try {
    await knex.raw(`CREATE TRIGGER ${table}_no_update BEFORE UPDATE ON ${table} ${signal}`);
    await knex.raw(`CREATE TRIGGER ${table}_no_delete BEFORE DELETE ON ${table} ${signal}`);
  } catch (error) {
    // A site without the guard is better than no site; `doctor` says how to put it there.
    if ((error as { errno?: number }).errno !== needsAdministrator) throw error;
  }
}
