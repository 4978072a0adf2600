import type { Knex } from 'knex';
import { instant } from './columns.ts';

/** A kiosk has a place and a mode as a scanner has; and what each scan led to is there for the screen beside the scanner. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('kiosk_pairings', (table) => {
    table.string('location', 80).notNullable().defaultTo('');
    table.string('mode', 20).notNullable().defaultTo('record');
    table.integer('mode_timeout_s').notNullable().defaultTo(120);
  });
  await knex.schema.alterTable('device_actions', (table) => {
    table.string('next_mode', 20).notNullable().defaultTo('record');
    table.string('rest_mode', 20).notNullable().defaultTo('record');
    instant(table, 'mode_until');
    table.string('subject', 200).notNullable().defaultTo('');
  });
}

export async function down(knex: Knex): Promise<void> {
  for (const column of ['subject', 'mode_until', 'rest_mode', 'next_mode'])
    await knex.schema.alterTable('device_actions', (table) => {
      table.dropColumn(column);
    });
  for (const column of ['mode_timeout_s', 'mode', 'location'])
    await knex.schema.alterTable('kiosk_pairings', (table) => {
      table.dropColumn(column);
    });
}
