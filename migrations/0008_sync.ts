import type { Knex } from 'knex';
import { createTable, identity, instant, isMysql, json, tenant } from './columns.ts';

/** Offline sync: which edits came, what lost against what, and what could not be stored. */
export async function up(knex: Knex): Promise<void> {
  // An edit is known again by its content, so that a repeated request does not lose its values a second time.
  await createTable(knex, 'sync_edits', (table) => {
    identity(table);
    tenant(table);
    table.string('fingerprint', 64).notNullable();
    table.bigInteger('asset_id').notNullable();
    table.unique(['tenant_id', 'fingerprint'], { indexName: 'sync_edits_fingerprint_unique' });
  });
  // No foreign key to the asset: a value that was lost with it is kept.
  await createTable(knex, 'sync_conflicts', (table) => {
    identity(table);
    tenant(table);
    table.bigInteger('edit_id').unsigned().notNullable().references('sync_edits.id');
    table.bigInteger('asset_id').notNullable();
    table.string('field', 80).notNullable();
    json(table, 'local_value');
    json(table, 'server_value');
    table.string('winner', 10).notNullable();
    table.string('reason', 20).notNullable();
    table.text('detail').notNullable();
    table.string('device', 200);
    table.string('actor_label', 200).notNullable();
    instant(table, 'captured_at').notNullable();
    table.string('resolution', 20);
    table.string('resolved_by', 200);
    instant(table, 'resolved_at');
    table.index(['edit_id']);
    table.index(['tenant_id', 'asset_id']);
  });
  await createTable(knex, 'sync_quarantine', (table) => {
    identity(table);
    tenant(table);
    table.string('kind', 20).notNullable();
    table.string('content_hash', 64).notNullable();
    json(table, 'raw');
    table.text('reason').notNullable();
    table.string('device', 200);
    table.string('actor_label', 200).notNullable();
    table.unique(['tenant_id', 'content_hash'], { indexName: 'sync_quarantine_content_hash_unique' });
  });
  await knex.schema.alterTable('assets', (table) => {
    table.index(['tenant_id', 'updated_at', 'id'], 'assets_updated_at');
  });
  // Apps ask for assets alone, and scans are most of the log. MySQL has no partial index, and reads over the scans.
  if (!isMysql(knex))
    await knex.raw("CREATE INDEX change_log_assets ON change_log (tenant_id, seq) WHERE entity = 'asset'");
}

export async function down(knex: Knex): Promise<void> {
  if (!isMysql(knex)) await knex.raw('DROP INDEX change_log_assets');
  await knex.schema.alterTable('assets', (table) => {
    table.dropIndex(['tenant_id', 'updated_at', 'id'], 'assets_updated_at');
  });
  for (const table of ['sync_quarantine', 'sync_conflicts', 'sync_edits']) await knex.schema.dropTable(table);
}
