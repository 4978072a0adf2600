import type { Knex } from 'knex';
import { createTable, identity, instant, json, reference, tenant } from './columns.ts';

/** Upkeep of assets, forms, integrations, devices, presets, webhooks and workflows. */
export async function up(knex: Knex): Promise<void> {
  await upkeepTables(knex);
  await plainTables(knex);
  await webhookTables(knex);
  await workflowTables(knex);
  // What is newer than a moment: live data.
  await knex.schema.alterTable('assets', (table) => {
    table.index(['tenant_id', 'updated_at', 'id'], 'assets_updated_index');
  });
}

async function upkeepTables(knex: Knex): Promise<void> {
  await createTable(knex, 'maintenance_plans', (table) => {
    identity(table);
    tenant(table);
    reference(table, 'asset_id', 'assets').notNullable();
    table.string('name', 200).notNullable();
    table.integer('every_days').notNullable();
    table.integer('lead_days').notNullable();
    instant(table, 'next_due_at').notNullable();
    table.boolean('is_active').notNullable();
    instant(table, 'last_performed_at');
    table.index(['asset_id']);
    table.index(['tenant_id', 'next_due_at']);
  });
  await createTable(knex, 'maintenance_records', (table) => {
    identity(table);
    tenant(table);
    reference(table, 'asset_id', 'assets').notNullable();
    reference(table, 'plan_id', 'maintenance_plans');
    instant(table, 'scheduled_at');
    instant(table, 'performed_at');
    instant(table, 'due_from');
    table.text('notes', 'longtext').notNullable();
    json(table, 'result_data');
    table.index(['asset_id']);
    table.index(['plan_id']);
    table.index(['tenant_id', 'performed_at', 'scheduled_at'], 'maintenance_records_due_index');
  });
  await createTable(knex, 'inspection_records', (table) => {
    identity(table);
    tenant(table);
    reference(table, 'asset_id', 'assets').notNullable();
    reference(table, 'inspector_id', 'users');
    instant(table, 'scheduled_at');
    instant(table, 'inspected_at');
    table.string('status', 40).notNullable();
    json(table, 'details');
    table.index(['asset_id']);
    table.index(['inspector_id']);
    table.index(['tenant_id', 'inspected_at', 'scheduled_at'], 'inspection_records_due_index');
  });
}

async function plainTables(knex: Knex): Promise<void> {
  await createTable(knex, 'form_definitions', (table) => {
    identity(table);
    tenant(table);
    table.string('name', 200).notNullable();
    table.string('target_model', 80).notNullable();
    json(table, 'schema_');
    json(table, 'required_fields');
    json(table, 'validation_rules');
    table.boolean('is_active').notNullable();
    table.index(['tenant_id', 'target_model', 'is_active'], 'form_definitions_target_index');
  });
  await createTable(knex, 'integrations', (table) => {
    identity(table);
    tenant(table);
    table.string('name', 200).notNullable();
    table.string('connector_type', 20).notNullable();
    json(table, 'config');
    table.boolean('is_active').notNullable();
  });
  await createTable(knex, 'device_profiles', (table) => {
    identity(table);
    tenant(table);
    table.string('name', 200).notNullable();
    table.string('platform', 20).notNullable();
    table.string('device_identifier', 200).notNullable();
    json(table, 'sdk_features');
    table.unique(['tenant_id', 'device_identifier'], { indexName: 'device_profiles_device_identifier_unique' });
  });
  await createTable(knex, 'feature_flags', (table) => {
    identity(table);
    tenant(table);
    table.string('key_', 120).notNullable();
    table.text('description', 'longtext').notNullable();
    table.boolean('enabled').notNullable();
    json(table, 'conditions');
    table.unique(['tenant_id', 'key_'], { indexName: 'feature_flags_key_unique' });
  });
  await createTable(knex, 'industry_presets', (table) => {
    identity(table);
    tenant(table);
    table.string('name', 200).notNullable();
    table.string('preset_type', 20).notNullable();
    json(table, 'config');
    table.boolean('is_active').notNullable();
  });
}

async function webhookTables(knex: Knex): Promise<void> {
  await createTable(knex, 'webhook_endpoints', (table) => {
    identity(table);
    tenant(table);
    table.string('name', 200).notNullable();
    table.string('direction', 10).notNullable();
    table.text('url').notNullable();
    table.text('secret_sealed', 'longtext');
    json(table, 'events');
    table.integer('max_attempts').notNullable();
    table.boolean('is_active').notNullable();
    instant(table, 'last_delivery_at');
  });
  await createTable(knex, 'webhook_deliveries', (table) => {
    identity(table);
    tenant(table);
    table.bigInteger('endpoint_id').unsigned().notNullable().references('webhook_endpoints.id').onDelete('CASCADE');
    table.string('event_name', 120).notNullable();
    json(table, 'payload');
    table.integer('response_code');
    table.text('response_body', 'longtext').notNullable();
    table.integer('attempt_count').notNullable();
    instant(table, 'next_attempt_at');
    table.text('last_error', 'longtext').notNullable();
    instant(table, 'dead_lettered_at');
    instant(table, 'delivered_at');
    table.string('status', 20).notNullable();
    // One signed message that comes again is one delivery.
    table.string('message_hash', 64);
    table.unique(['endpoint_id', 'message_hash'], { indexName: 'webhook_deliveries_message_hash_unique' });
    table.index(['tenant_id', 'created_at', 'id']);
    table.index(['tenant_id', 'status']);
    table.index(['endpoint_id', 'status', 'id']);
  });
}

async function workflowTables(knex: Knex): Promise<void> {
  await createTable(knex, 'workflow_definitions', (table) => {
    identity(table);
    tenant(table);
    table.string('name', 200).notNullable();
    table.integer('version').notNullable();
    table.string('trigger_type', 20).notNullable();
    json(table, 'entry_conditions');
    json(table, 'steps');
    table.boolean('is_active').notNullable();
    table.index(['tenant_id', 'trigger_type', 'is_active'], 'workflow_definitions_trigger_index');
  });
  await createTable(knex, 'workflow_runs', (table) => {
    identity(table);
    tenant(table);
    reference(table, 'workflow_id', 'workflow_definitions').notNullable();
    table.bigInteger('asset_id').unsigned().references('assets.id').onDelete('SET NULL');
    table.bigInteger('scan_event_id').unsigned().references('scan_events.id').onDelete('SET NULL');
    table.string('status', 20).notNullable();
    json(table, 'context');
    json(table, 'input_data');
    json(table, 'output_data');
    table.text('error', 'longtext').notNullable();
    instant(table, 'started_at');
    instant(table, 'completed_at');
    for (const column of ['workflow_id', 'asset_id', 'scan_event_id']) table.index([column]);
    table.index(['tenant_id', 'created_at', 'id']);
    table.index(['tenant_id', 'status']);
  });
  await knex.schema.raw(namedRuns);
}

/** A run with the names that lists show, so that it is read like any other resource. */
export const namedRuns =
  'CREATE VIEW named_workflow_runs AS SELECT r.id, r.tenant_id, r.workflow_id, r.asset_id, r.scan_event_id, ' +
  'r.status, r.context, r.input_data, r.output_data, r.error, r.started_at, r.completed_at, r.created_at, ' +
  'r.updated_at, w.name AS workflow_name, a.asset_tag FROM workflow_runs r ' +
  'JOIN workflow_definitions w ON w.id = r.workflow_id LEFT JOIN assets a ON a.id = r.asset_id';

export async function down(knex: Knex): Promise<void> {
  await knex.schema.raw('DROP VIEW named_workflow_runs');
  await knex.schema.alterTable('assets', (table) => {
    table.dropIndex(['tenant_id', 'updated_at', 'id'], 'assets_updated_index');
  });
  const webhooks = ['webhook_deliveries', 'webhook_endpoints'];
  const plain = ['industry_presets', 'feature_flags', 'device_profiles', 'integrations', 'form_definitions'];
  const upkeep = ['inspection_records', 'maintenance_records', 'maintenance_plans'];
  for (const table of ['workflow_runs', 'workflow_definitions', ...webhooks, ...plain, ...upkeep])
    await knex.schema.dropTable(table);
}
