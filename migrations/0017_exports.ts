import type { Knex } from 'knex';
import { createTable, identity, instant, json, reference, stamps, tenant } from './columns.ts';

/** Lists written to files by jobs, and the lane that each tenant's have. */
export async function up(knex: Knex): Promise<void> {
  await createTable(knex, 'exports', (table) => {
    identity(table);
    tenant(table);
    table.string('resource', 200).notNullable();
    // The area of roles that its rows belong to: who may not see them does not see the export.
    table.string('area', 20).notNullable();
    table.string('format', 10).notNullable();
    json(table, 'filters');
    table.string('ordering', 80).notNullable();
    json(table, 'columns');
    table.string('status', 20).notNullable();
    table.integer('progress').notNullable();
    table.bigInteger('rows_').notNullable();
    table.bigInteger('size').notNullable();
    table.string('error', 1000).notNullable();
    reference(table, 'requested_by_id', 'users');
    table.string('requested_by_label', 200).notNullable();
    // Whoever asked, with the role of that moment.
    json(table, 'actor');
    instant(table, 'finished_at');
    instant(table, 'expires_at');
    table.string('url', 255);
    table.bigInteger('job_id').unsigned();
    // Names the folder that its file lies in, and the attempt that writes it.
    table.string('folder', 120).notNullable();
    table.string('run', 24).notNullable();
    table.index(['tenant_id', 'created_at', 'id']);
    table.index(['status', 'expires_at']);
  });
  await createTable(knex, 'export_lanes', (table) => {
    stamps(table);
    table.bigInteger('tenant_id').unsigned().notNullable().primary();
    table.bigInteger('lane_id').unsigned().notNullable();
  });
  // A list in the order of names, walked by cursor: without it each page would read and sort all assets.
  await knex.schema.alterTable('assets', (table) => {
    table.index(['tenant_id', 'name', 'id'], 'assets_name_index');
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.alterTable('assets', (table) => {
    table.dropIndex(['tenant_id', 'name', 'id'], 'assets_name_index');
  });
  await knex.schema.dropTable('export_lanes');
  await knex.schema.dropTable('exports');
}
