import type { Knex } from 'knex';
import { isMysql } from './columns.ts';

/** After how many hours of nothing but failures an endpoint was warned of; and since when a delivery is pending, by index. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('webhook_health', (table) => {
    table.integer('warned_hours').notNullable().defaultTo(0);
  });
  await knex.raw(
    "UPDATE webhook_deliveries SET pending_since = created_at WHERE status = 'pending' AND pending_since IS NULL",
  );
  // Only what is pending is in it, where a database knows such an index: it stays small, and costs little to keep.
  const partly = isMysql(knex) ? '' : " WHERE status = 'pending'";
  await knex.raw(`CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (status, pending_since)${partly}`);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`DROP INDEX webhook_deliveries_pending${isMysql(knex) ? ' ON webhook_deliveries' : ''}`);
  await knex.schema.alterTable('webhook_health', (table) => {
    table.dropColumns('warned_hours');
  });
}
