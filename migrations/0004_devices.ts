import type { Knex } from 'knex';
import { createTable, identity, json, reference, tenant } from './columns.ts';

/** Scanners that the daemon itself reads. */
export async function up(knex: Knex): Promise<void> {
  await createTable(knex, 'devices', (table) => {
    identity(table);
    tenant(table);
    table.string('name', 120).notNullable();
    table.string('kind', 20).notNullable();
    table.string('path', 255).notNullable();
    reference(table, 'location_id', 'locations');
    json(table, 'settings');
    table.boolean('is_active').notNullable();
    table.unique(['tenant_id', 'name'], { indexName: 'devices_name_unique' });
    table.unique(['path'], { indexName: 'devices_path_unique' });
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('devices');
}
