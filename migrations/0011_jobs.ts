import type { Knex } from 'knex';
import { namedRuns } from './0007_resources.ts';
import { createTable, identity, instant, isMysql, json, tenant } from './columns.ts';

/** What is to be done after a commit: jobs with their lanes, runners and schedules, and the events that webhooks and workflows wait for. */
export async function up(knex: Knex): Promise<void> {
  await jobTables(knex);
  await outboxTable(knex);
  await knex.schema.alterTable('webhook_deliveries', (table) => {
    table.bigInteger('event_id').unsigned().references('outbox_events.id');
    table.string('reason', 40).notNullable().defaultTo('');
    table.unique(['endpoint_id', 'event_id'], { indexName: 'webhook_deliveries_event_unique' });
    table.index(['event_id']);
  });
  await knex.schema.alterTable('workflow_runs', (table) => {
    table.bigInteger('event_id').unsigned();
    table.unique(['workflow_id', 'event_id'], { indexName: 'workflow_runs_event_unique' });
  });
  await knex.schema.alterTable('webhook_endpoints', (table) => {
    table.bigInteger('lane_id').unsigned().notNullable().defaultTo(0);
  });
  await giveLanes(knex);
  await knex.schema.alterTable('barcode_batches', (table) => {
    table.string('error', 1000).notNullable().defaultTo('');
  });
  for (const table of upkeep)
    await knex.schema.alterTable(table, (record) => {
      instant(record, 'told_at');
      record.index(['due_from']);
    });
}

/** Records that become due, and when that was told. */
const upkeep = ['maintenance_records', 'inspection_records'];

/** Times of jobs are milliseconds since 1970 by the database's clock, which all runners share. */
async function jobTables(knex: Knex): Promise<void> {
  await createTable(knex, 'jobs', (table) => {
    identity(table);
    // No foreign key: a lock on the tenant's row is what every other insert asks for.
    table.bigInteger('tenant_id').unsigned();
    table.string('queue', 40).notNullable();
    table.string('kind', 60).notNullable();
    // 0 is no lane: a NULL would keep PostgreSQL from reading the index in its order.
    table.bigInteger('lane_id').unsigned().notNullable().defaultTo(0);
    table.string('state', 10).notNullable();
    table.integer('priority').notNullable();
    table.bigInteger('run_at').notNullable();
    table.integer('attempts').notNullable().defaultTo(0);
    table.integer('max_attempts').notNullable();
    table.integer('crashes').notNullable().defaultTo(0);
    // Whether the work on it was begun; only noted of those that a runner or two died with.
    table.boolean('begun').notNullable().defaultTo(false);
    table.string('active_key', 200).unique({ indexName: 'jobs_active_key_unique' });
    table.bigInteger('runner_id').unsigned();
    table.string('lease_token', 24);
    table.integer('lease_ms');
    table.bigInteger('lease_until');
    // When a dispatcher was last told of it.
    table.bigInteger('pushed_at').notNullable().defaultTo(0);
    json(table, 'payload');
    json(table, 'progress');
    table.boolean('keep').notNullable();
    table.text('last_error', 'longtext').notNullable();
    instant(table, 'finished_at');
    table.index(['state', 'lane_id', 'priority', 'run_at', 'id'], 'jobs_claim_index');
    table.index(['lane_id', 'id'], 'jobs_lane_index');
  });
  // Of jobs that wait for their time, the next; others need not be in it where the database can leave them out.
  const waiting = isMysql(knex) ? '' : " WHERE state = 'waiting'";
  await knex.schema.raw(`CREATE INDEX jobs_waiting_index ON jobs (state, run_at)${waiting}`);
  // For runners of a few queues, and for a dispatcher: the others' jobs may be very many.
  const ready = isMysql(knex) ? '' : " WHERE state = 'ready' AND lane_id = 0";
  const parts = 'state, lane_id, queue, priority, run_at, id';
  await knex.schema.raw(`CREATE INDEX jobs_queue_index ON jobs (${parts})${ready}`);
  await createTable(knex, 'job_lanes', (table) => {
    identity(table);
    table.string('queue', 40).notNullable();
    table.integer('max_in_flight').notNullable();
    table.boolean('ordered').notNullable();
    table.double('rate_per_s');
    table.double('tokens').notNullable().defaultTo(0);
    table.bigInteger('refilled_at').notNullable().defaultTo(0);
    table.bigInteger('held_until');
    table.bigInteger('claimed_at').notNullable().defaultTo(0);
  });
  await createTable(knex, 'job_runners', (table) => {
    identity(table);
    table.string('host', 255).notNullable();
    table.integer('pid').notNullable();
    json(table, 'queues');
    table.integer('concurrency').notNullable();
    table.bigInteger('heartbeat_at').notNullable();
  });
  await createTable(knex, 'cron_ticks', (table) => {
    table.string('task', 120).notNullable();
    table.bigInteger('tick_at').notNullable();
    table.primary(['task', 'tick_at']);
  });
}

async function outboxTable(knex: Knex): Promise<void> {
  await createTable(knex, 'outbox_events', (table) => {
    identity(table);
    tenant(table);
    table.string('name', 120).notNullable();
    table.string('entity', 40).notNullable();
    table.bigInteger('entity_id').notNullable();
    // The change that it tells; the number comes later where changes are numbered after their commit.
    table.bigInteger('change_id');
    table.bigInteger('sequence');
    table.integer('depth').notNullable();
    instant(table, 'occurred_at').notNullable();
    json(table, 'draft');
    table.index(['tenant_id', 'created_at', 'id']);
    // The sequencer finds by it what its numbers are for.
    table.index(['change_id']);
  });
}

/** Endpoints of before get the lane that new ones are made with. */
async function giveLanes(knex: Knex): Promise<void> {
  const endpoints = await knex('webhook_endpoints').select('id', 'created_at').where({ direction: 'outbound' });
  for (const { id, created_at } of endpoints) {
    const lane = { queue: 'webhooks', max_in_flight: 4, ordered: false, created_at, updated_at: created_at };
    await knex('job_lanes').insert(lane);
    const [newest] = await knex('job_lanes').max('id as id');
    await knex('webhook_endpoints').where({ id }).update({ lane_id: newest!.id });
  }
}

export async function down(knex: Knex): Promise<void> {
  for (const table of upkeep)
    await knex.schema.alterTable(table, (record) => {
      record.dropIndex(['due_from']);
      record.dropColumn('told_at');
    });
  await knex.schema.alterTable('barcode_batches', (table) => {
    table.dropColumn('error');
  });
  await knex.schema.alterTable('webhook_endpoints', (table) => {
    table.dropColumn('lane_id');
  });
  // SQLite makes a table anew to take a column away, which a view over it keeps it from.
  await knex.schema.raw('DROP VIEW named_workflow_runs');
  await knex.schema.alterTable('workflow_runs', (table) => {
    // MySQL keeps an index for the foreign key; there is another that serves.
    table.dropUnique(['workflow_id', 'event_id'], 'workflow_runs_event_unique');
    table.dropColumn('event_id');
  });
  await knex.schema.raw(namedRuns);
  await knex.schema.alterTable('webhook_deliveries', (table) => {
    table.dropForeign(['event_id']);
    table.dropUnique(['endpoint_id', 'event_id'], 'webhook_deliveries_event_unique');
    table.dropIndex(['event_id']);
    table.dropColumns('event_id', 'reason');
  });
  for (const table of ['outbox_events', 'cron_ticks', 'job_runners', 'job_lanes', 'jobs'])
    await knex.schema.dropTable(table);
}
