import type { Knex } from 'knex';
import { isMysql } from './columns.ts';

const table = 'asset_state_history';
const refusal = 'asset_state_history is insert-only';
const names = ['asset_state_history_no_update', 'asset_state_history_no_delete', 'asset_state_history_no_replace'];
/** MySQL and MariaDB with binary logging let only an administrator make triggers. */
const needsAdministrator = 1419;

/** History takes no change: triggers refuse one from whoever has the database open. What they leave open `doctor` tells. */
export async function up(knex: Knex): Promise<void> {
  if (isMysql(knex)) return guardMysql(knex);
  return knex.client.config.client === 'pg' ? guardPostgres(knex) : guardSqlite(knex);
}

async function guardSqlite(knex: Knex): Promise<void> {
  const [update, remove, replace] = names as [string, string, string];
  const raise = `BEGIN SELECT RAISE(ABORT, '${refusal}'); END`;
  await knex.raw(`CREATE TRIGGER ${update} BEFORE UPDATE ON ${table} ${raise}`);
  await knex.raw(`CREATE TRIGGER ${remove} BEFORE DELETE ON ${table} ${raise}`);
  // INSERT OR REPLACE deletes without asking the trigger above, unless the connection set recursive_triggers.
  const taken = `EXISTS (SELECT 1 FROM ${table} WHERE id = NEW.id)`;
  await knex.raw(`CREATE TRIGGER ${replace} BEFORE INSERT ON ${table} WHEN ${taken} ${raise}`);
}

async function guardPostgres(knex: Knex): Promise<void> {
  const [update, remove] = names as [string, string];
  await knex.raw(
    `CREATE FUNCTION ${table}_refuse() RETURNS trigger LANGUAGE plpgsql AS ` +
      `$$ BEGIN RAISE EXCEPTION '${refusal}'; END $$`,
  );
  const refuse = `EXECUTE FUNCTION ${table}_refuse()`;
  await knex.raw(`CREATE TRIGGER ${update} BEFORE UPDATE ON ${table} FOR EACH ROW ${refuse}`);
  await knex.raw(`CREATE TRIGGER ${remove} BEFORE DELETE ON ${table} FOR EACH ROW ${refuse}`);
  await knex.raw(`CREATE TRIGGER ${table}_no_truncate BEFORE TRUNCATE ON ${table} FOR EACH STATEMENT ${refuse}`);
}

async function guardMysql(knex: Knex): Promise<void> {
  const signal = `FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '${refusal}'`;
  try {
    await knex.raw(`CREATE TRIGGER ${names[0]} BEFORE UPDATE ON ${table} ${signal}`);
    await knex.raw(`CREATE TRIGGER ${names[1]} BEFORE DELETE ON ${table} ${signal}`);
  } catch (error) {
    // A site without the guard is better than no site; `doctor` says how to put it there.
    if ((error as { errno?: number }).errno !== needsAdministrator) throw error;
  }
}

export async function down(knex: Knex): Promise<void> {
  if (knex.client.config.client === 'pg') {
    await knex.raw(`DROP FUNCTION ${table}_refuse() CASCADE`);
    return;
  }
  for (const name of names) await knex.raw(`DROP TRIGGER IF EXISTS ${name}`);
}
