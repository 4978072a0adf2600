import type { Knex } from 'knex';
import { createTable, identity, instant, reference, tenant } from './columns.ts';

/** Sessions, the places that each covers, what is expected and was counted there, and which scan counted what. */
export async function up(knex: Knex): Promise<void> {
  await createTable(knex, 'inventory_sessions', (table) => {
    identity(table);
    tenant(table);
    table.string('name', 200).notNullable();
    reference(table, 'location_id', 'locations');
    table.boolean('include_sublocations').notNullable();
    table.string('status', 20).notNullable();
    reference(table, 'opened_by_id', 'users');
    table.string('opened_by_label', 200).notNullable();
    instant(table, 'opened_at').notNullable();
    table.string('closed_by_label', 200).notNullable();
    instant(table, 'closed_at');
    table.string('reconciled_by_label', 200).notNullable();
    instant(table, 'reconciled_at');
    table.index(['tenant_id', 'status']);
    table.index(['location_id']);
  });
  await createTable(knex, 'inventory_session_locations', (table) => {
    reference(table, 'session_id', 'inventory_sessions').notNullable().onDelete('CASCADE');
    reference(table, 'location_id', 'locations').notNullable().onDelete('CASCADE');
    table.primary(['session_id', 'location_id']);
    table.index(['location_id']);
  });
  await createTable(knex, 'inventory_lines', (table) => {
    identity(table);
    tenant(table);
    reference(table, 'session_id', 'inventory_sessions').notNullable().onDelete('CASCADE');
    // A line outlives its asset: the count was made.
    reference(table, 'asset_id', 'assets').onDelete('SET NULL');
    // SHA-256 of a code that names no asset; null on the line of an asset.
    table.string('code_key', 64);
    table.string('barcode_value', 512).notNullable();
    table.integer('expected_qty').notNullable();
    table.integer('counted_qty').notNullable();
    table.integer('variance_qty').notNullable();
    // Null while the session is open: then the view below says how it stands.
    table.string('outcome', 20);
    reference(table, 'recorded_location_id', 'locations').onDelete('SET NULL');
    table.string('correction', 20);
    table.unique(['session_id', 'asset_id'], { indexName: 'inventory_lines_asset_unique' });
    table.unique(['session_id', 'code_key'], { indexName: 'inventory_lines_code_unique' });
    table.index(['asset_id']);
    table.index(['recorded_location_id']);
  });
  await createTable(knex, 'inventory_counts', (table) => {
    identity(table);
    tenant(table);
    reference(table, 'session_id', 'inventory_sessions').notNullable().onDelete('CASCADE');
    reference(table, 'scan_event_id', 'scan_events').notNullable();
    // No foreign key: on MySQL each would lock its line for sharing, and two devices that then raise it would be a deadlock.
    table.bigInteger('line_id').unsigned();
    table.unique(['session_id', 'scan_event_id'], { indexName: 'inventory_counts_scan_event_unique' });
    table.index(['scan_event_id']);
    table.index(['line_id']);
  });
  await knex.schema.raw(linesView);
}

/** A line with its asset and its outcome: frozen at close, before that as things stand. */
const linesView =
  'CREATE VIEW inventory_session_lines AS SELECT l.id, l.tenant_id, l.session_id, l.asset_id, ' +
  "COALESCE(a.asset_tag, '') AS asset_tag, COALESCE(a.name, '') AS asset_name, " +
  'l.barcode_value, l.expected_qty, l.counted_qty, l.variance_qty, COALESCE(l.outcome, CASE ' +
  "WHEN l.counted_qty = 0 AND p.location_id IS NOT NULL AND a.status NOT IN ('retired', 'lost') THEN 'missing' " +
  "WHEN l.counted_qty = 0 THEN 'left' " +
  "WHEN l.expected_qty = 1 THEN 'found' " +
  "WHEN l.asset_id IS NULL THEN 'unknown' " +
  "WHEN a.status IN ('retired', 'lost') THEN 'unexpected' " +
  "WHEN p.location_id IS NOT NULL THEN 'found' ELSE 'moved' END) AS outcome, " +
  'CASE WHEN l.outcome IS NULL THEN a.current_location_id ELSE l.recorded_location_id END AS recorded_location_id, ' +
  'l.correction, l.created_at, l.updated_at FROM inventory_lines l LEFT JOIN assets a ON a.id = l.asset_id ' +
  'LEFT JOIN inventory_session_locations p ON p.session_id = l.session_id AND p.location_id = a.current_location_id';

export async function down(knex: Knex): Promise<void> {
  await knex.schema.raw('DROP VIEW inventory_session_lines');
  for (const table of ['inventory_counts', 'inventory_lines', 'inventory_session_locations', 'inventory_sessions'])
    await knex.schema.dropTable(table);
}
