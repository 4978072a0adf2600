import type { Knex } from 'knex';
import { createTable, degrees, identity, instant, json, reference, tenant } from './columns.ts';

export async function up(knex: Knex): Promise<void> {
  await createTable(knex, 'locations', (table) => {
    identity(table);
    tenant(table);
    table.string('name', 200).notNullable();
    table.string('code', 80).notNullable();
    reference(table, 'parent_id', 'locations');
    table.text('address').notNullable();
    degrees(table, 'latitude');
    degrees(table, 'longitude');
    json(table, 'metadata');
    table.unique(['tenant_id', 'code'], { indexName: 'locations_code_unique' });
    table.index(['parent_id']);
  });
  await createTable(knex, 'asset_categories', (table) => {
    identity(table);
    tenant(table);
    table.string('name', 200).notNullable();
    table.string('code', 80).notNullable();
    reference(table, 'parent_id', 'asset_categories');
    table.unique(['tenant_id', 'code'], { indexName: 'asset_categories_code_unique' });
    table.index(['parent_id']);
  });
  await assetTables(knex);
}

async function assetTables(knex: Knex): Promise<void> {
  await createTable(knex, 'assets', (table) => {
    identity(table);
    tenant(table);
    table.string('asset_tag', 80).notNullable();
    table.string('name', 200).notNullable();
    table.text('description').notNullable();
    reference(table, 'category_id', 'asset_categories');
    reference(table, 'parent_asset_id', 'assets');
    reference(table, 'assigned_to_id', 'users');
    reference(table, 'current_location_id', 'locations');
    table.string('barcode_value', 255).notNullable();
    table.string('barcode_type', 20).notNullable();
    table.string('status', 40).notNullable();
    json(table, 'custom_fields');
    json(table, 'metadata');
    instant(table, 'retired_at');
    instant(table, 'checked_out_at');
    instant(table, 'expected_return_at');
    table.unique(['tenant_id', 'asset_tag'], { indexName: 'assets_asset_tag_unique' });
    table.index(['tenant_id', 'barcode_value']);
    table.index(['tenant_id', 'created_at', 'id']);
    table.index(['tenant_id', 'status']);
    for (const column of ['category_id', 'parent_asset_id', 'assigned_to_id', 'current_location_id'])
      table.index([column]);
  });
  await createTable(knex, 'asset_codes', (table) => {
    identity(table);
    tenant(table);
    reference(table, 'asset_id', 'assets');
    table.string('code', 255).notNullable();
    table.string('symbology', 20).notNullable();
    table.string('status', 20).notNullable();
    table.string('note', 200).notNullable();
    instant(table, 'claimed_at');
    instant(table, 'revoked_at');
    table.unique(['tenant_id', 'code'], { indexName: 'asset_codes_code_unique' });
    table.index(['asset_id']);
  });
  // No foreign key to the asset: its history outlives it.
  await createTable(knex, 'asset_state_history', (table) => {
    identity(table);
    tenant(table);
    table.bigInteger('asset_id').notNullable();
    table.string('event_type', 20).notNullable();
    table.bigInteger('actor_id');
    table.string('actor_label', 200).notNullable();
    table.bigInteger('location_id');
    degrees(table, 'gps_latitude');
    degrees(table, 'gps_longitude');
    json(table, 'previous_state');
    json(table, 'new_state');
    json(table, 'body');
    table.string('checksum', 64).notNullable();
    table.index(['tenant_id', 'asset_id', 'id']);
  });
  await createTable(knex, 'scan_events', (table) => {
    identity(table);
    tenant(table);
    table.string('client_event_id', 36).notNullable();
    reference(table, 'asset_id', 'assets');
    reference(table, 'scanner_id', 'users');
    table.string('scanner_label', 200).notNullable();
    reference(table, 'location_id', 'locations');
    table.string('symbology', 40).notNullable();
    table.string('raw_value', 512).notNullable();
    json(table, 'decoded_payload');
    table.string('source_type', 20).notNullable();
    degrees(table, 'gps_latitude');
    degrees(table, 'gps_longitude');
    instant(table, 'offline_captured_at');
    instant(table, 'synced_at');
    table.string('status', 20).notNullable();
    json(table, 'validation_errors');
    table.unique(['tenant_id', 'client_event_id'], { indexName: 'scan_events_client_event_id_unique' });
    table.index(['tenant_id', 'created_at', 'id']);
    table.index(['tenant_id', 'status']);
    table.index(['asset_id']);
    table.index(['location_id']);
  });
}

export async function down(knex: Knex): Promise<void> {
  for (const table of ['scan_events', 'asset_state_history', 'asset_codes', 'assets', 'asset_categories', 'locations'])
    await knex.schema.dropTable(table);
}
