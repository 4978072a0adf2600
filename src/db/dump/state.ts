/** What a dump must know of Assetra's own tables, and what is renewed in them after a restore. */
import type { Knex } from 'knex';
import type { DatabaseConfig } from '../../base/config.ts';
import { newSecret } from '../../base/ids.ts';
import { Database } from '../database.ts';
import { translate } from '../errors.ts';
import { up } from '../migrate.ts';
import { type Content, type HeadState, LoadFailed, type Snapshot } from './dumper.ts';

/** Empty where there is no site; a database older than the change log has no heads. */
export async function readState(knex: Knex): Promise<Snapshot> {
  if (!(await knex.schema.hasTable('knex_migrations'))) return { migrations: [], heads: [] };
  const rows: { name: string }[] = await knex('knex_migrations').select('name').orderBy('id');
  const heads: HeadState[] = (await knex.schema.hasTable('change_heads'))
    ? await knex('change_heads')
        .select('tenant_id as tenant', 'seq', 'seal_seq', 'seal_hash', 'epoch')
        .orderBy('tenant_id')
    : [];
  return { migrations: rows.map(({ name }) => name), heads };
}

/** Opens the database for the work and closes it; driver errors come as ours. */
export async function withDatabase<T>(config: DatabaseConfig, work: (database: Database) => Promise<T>): Promise<T> {
  const database = new Database(config);
  try {
    return await work(database);
  } catch (error) {
    throw translate(error, config.dialect);
  } finally {
    await database.close();
  }
}

/** auth_version is the first to go in a restore: tables without it are what one left that did not end. */
export const look = (config: DatabaseConfig): Promise<Content> =>
  withDatabase(config, async ({ schema }) => {
    const whole = (await schema.schema.hasTable('auth_version')) && (await readState(schema)).migrations.length > 0;
    return { kind: whole ? 'site' : 'empty' };
  });

/** Numbers in a cursor of before the restore mean other changes now: another epoch tells. */
export async function renewEpochs(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    const heads = await tx.query<{ tenant_id: number }>('SELECT tenant_id FROM change_heads');
    for (const { tenant_id } of heads)
      await tx.execute('UPDATE change_heads SET epoch = ? WHERE tenant_id = ?', [newSecret(9), tenant_id]);
  });
}

/** Migrates up what a server has loaded. Migrations that make heads give them epochs that could have been there before. */
export async function upgrade(config: DatabaseConfig): Promise<string[]> {
  try {
    return await withDatabase(config, async (database) => {
      const applied = await up(database);
      if (applied.length > 0) await renewEpochs(database);
      return applied;
    });
  } catch (error) {
    throw new LoadFailed(false, error);
  }
}
