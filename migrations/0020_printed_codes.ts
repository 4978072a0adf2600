import type { Knex } from 'knex';
import { createTable, tenant } from './columns.ts';

/** Codes whose print jobs were forgotten: a label of one is a reprint for ever. And what ended long ago is found. */
export async function up(knex: Knex): Promise<void> {
  await createTable(knex, 'printed_codes', (table) => {
    tenant(table);
    table.string('code_value', 255).notNullable();
    table.primary(['tenant_id', 'code_value']);
  });
  await knex.schema.alterTable('print_jobs', (table) => {
    table.index(['state', 'finished_at'], 'print_jobs_ended');
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.alterTable('print_jobs', (table) => {
    table.dropIndex(['state', 'finished_at'], 'print_jobs_ended');
  });
  await knex.schema.dropTable('printed_codes');
}
