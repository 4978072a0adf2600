import type { Knex } from 'knex';
import { createTable, identity, instant, reference, tenant } from './columns.ts';

/** What delivering needs to know of an endpoint, how it fares, and each attempt that was made. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('webhook_endpoints', (table) => {
    table.integer('max_in_flight').notNullable().defaultTo(4);
    table.double('rate_per_s');
    table.boolean('ordered').notNullable().defaultTo(false);
    table.text('headers_sealed', 'longtext');
    table.text('header_names', 'longtext');
    table.text('next_secret_sealed', 'longtext');
    instant(table, 'next_promotes_at');
    table.text('previous_secret_sealed', 'longtext');
    instant(table, 'previous_expires_at');
  });
  await knex('webhook_endpoints').update({ header_names: '[]' });
  await knex.schema.alterTable('webhook_deliveries', (table) => {
    table.boolean('flagged').notNullable().defaultTo(false);
    // Raised by each replay: a job of an earlier round does nothing any more.
    table.integer('round').notNullable().defaultTo(0);
    instant(table, 'first_attempt_at');
    // Since the last replay, if there was one.
    instant(table, 'pending_since');
    instant(table, 'redriven_at');
    table.index(['status', 'id'], 'webhook_deliveries_status_index');
  });
  await createTable(knex, 'webhook_attempts', (table) => {
    identity(table);
    tenant(table);
    reference(table, 'delivery_id', 'webhook_deliveries').notNullable().onDelete('CASCADE');
    table.integer('round').notNullable();
    table.integer('attempt').notNullable();
    table.integer('response_code');
    table.integer('duration_ms').notNullable();
    table.string('reason', 40).notNullable();
    table.text('error', 'longtext').notNullable();
    table.string('ip', 45);
    table.text('response_body', 'longtext').notNullable();
    table.index(['delivery_id', 'id']);
  });
  await healthTable(knex);
  await knex.schema.raw(shownView(knex));
}

async function healthTable(knex: Knex): Promise<void> {
  await createTable(knex, 'webhook_health', (table) => {
    // Apart from the endpoint's row, which every new delivery of it locks for sharing on MySQL.
    table.bigInteger('endpoint_id').unsigned().notNullable().primary();
    table.foreign('endpoint_id').references('webhook_endpoints.id').onDelete('CASCADE');
    table.string('state', 10).notNullable();
    instant(table, 'held_until');
    table.integer('pause_ms').notNullable();
    instant(table, 'window_started_at');
    table.integer('window_attempts').notNullable();
    table.integer('window_failures').notNullable();
    instant(table, 'failing_since');
    table.integer('failures').notNullable();
  });
  await knex.schema.raw(
    'INSERT INTO webhook_health (endpoint_id, state, pause_ms, window_attempts, window_failures, failures) ' +
      "SELECT id, 'closed', 0, 0, 0, 0 FROM webhook_endpoints WHERE direction = 'outbound'",
  );
}

/** A delivery with what it tells: the event's body, kept once for all of its deliveries. Its number may be open yet. */
const shownView = (knex: Knex): string =>
  'CREATE VIEW shown_webhook_deliveries AS SELECT d.id, d.tenant_id, d.endpoint_id, d.event_name, ' +
  `CASE WHEN d.event_id IS NULL THEN d.payload ELSE COALESCE(e.body, REPLACE(e.draft, '"sequence":${questionMark(knex)}', '"sequence":null')) END AS payload, ` +
  'd.response_code, d.response_body, d.attempt_count, d.next_attempt_at, d.last_error, d.dead_lettered_at, ' +
  'd.delivered_at, d.status, d.reason, d.flagged, d.created_at, d.updated_at ' +
  'FROM webhook_deliveries d LEFT JOIN outbox_events e ON e.id = d.event_id';

/** For PostgreSQL knex makes a place for a value of one that is not escaped, even without values. */
const questionMark = (knex: Knex): string => (knex.client.config.client === 'pg' ? '\\?' : '?');

export async function down(knex: Knex): Promise<void> {
  await knex.schema.raw('DROP VIEW shown_webhook_deliveries');
  for (const table of ['webhook_health', 'webhook_attempts']) await knex.schema.dropTable(table);
  await knex.schema.alterTable('webhook_deliveries', (table) => {
    table.dropIndex(['status', 'id'], 'webhook_deliveries_status_index');
    table.dropColumns('flagged', 'round', 'first_attempt_at', 'pending_since', 'redriven_at');
  });
  await knex.schema.alterTable('webhook_endpoints', (table) => {
    table.dropColumns('max_in_flight', 'rate_per_s', 'ordered', 'headers_sealed', 'header_names');
    table.dropColumns('next_secret_sealed', 'next_promotes_at', 'previous_secret_sealed', 'previous_expires_at');
  });
}
