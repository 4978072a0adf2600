import type { Knex } from 'knex';
import { createTable, identity, reference, tenant } from './columns.ts';

/** What scans did in a scanner's mode, and why one was refused: a row for each scan that was to do something. */
export async function up(knex: Knex): Promise<void> {
  await createTable(knex, 'device_actions', (table) => {
    identity(table);
    tenant(table);
    reference(table, 'scan_event_id', 'scan_events').notNullable();
    table.string('device', 120).notNullable();
    table.string('mode', 20).notNullable();
    table.string('outcome', 20).notNullable();
    table.string('message', 500).notNullable();
    table.unique(['scan_event_id'], { indexName: 'device_actions_scan_event_unique' });
    table.index(['tenant_id', 'created_at'], 'device_actions_created');
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('device_actions');
}
