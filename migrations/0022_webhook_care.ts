import type { Knex } from 'knex';

/** After how many hours of nothing but failures an endpoint was warned of. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('webhook_health', (table) => {
    table.integer('warned_hours').notNullable().defaultTo(0);
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.alterTable('webhook_health', (table) => {
    table.dropColumns('warned_hours');
  });
}
