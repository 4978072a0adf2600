import type { Knex } from 'knex';
import { createTable, identity, instant, reference, tenant } from './columns.ts';

/** One-time codes that open a kiosk's page; a used one stays, as it says which tokens are kiosks'. */
export async function up(knex: Knex): Promise<void> {
  await createTable(knex, 'kiosk_pairings', (table) => {
    identity(table);
    tenant(table);
    table.string('code_hash', 64).notNullable().unique({ indexName: 'kiosk_pairings_code_unique' });
    table.string('name', 120).notNullable();
    table.string('role', 20).notNullable();
    table.string('scanner', 120).notNullable().defaultTo('');
    instant(table, 'expires_at').notNullable();
    reference(table, 'token_id', 'api_tokens');
    table.index(['tenant_id', 'name']);
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('kiosk_pairings');
}
