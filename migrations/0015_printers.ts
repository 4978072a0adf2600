import type { Knex } from 'knex';
import { createTable, identity, instant, json, reference, tenant } from './columns.ts';

/** Label printers, what was sent to them, and what became of each label. */
export async function up(knex: Knex): Promise<void> {
  await createTable(knex, 'printers', (table) => {
    identity(table);
    tenant(table);
    table.string('name', 120).notNullable();
    table.string('url', 255).notNullable();
    reference(table, 'template_id', 'barcode_templates').onDelete('SET NULL');
    table.boolean('is_default').notNullable();
    table.integer('chunk_size').notNullable();
    table.double('offset_x_mm').notNullable();
    table.double('offset_y_mm').notNullable();
    table.string('model', 80).notNullable();
    table.integer('dpi');
    table.string('state', 20).notNullable();
    table.string('reason', 20).notNullable();
    table.text('message').notNullable();
    instant(table, 'blocked_at');
    instant(table, 'attention_at');
    table.bigInteger('lane_id').unsigned().notNullable();
    table.unique(['tenant_id', 'name'], { indexName: 'printers_name_unique' });
    table.index(['lane_id']);
    table.index(['url']);
  });
  await createTable(knex, 'print_jobs', (table) => {
    identity(table);
    tenant(table);
    table.bigInteger('printer_id').unsigned().notNullable().references('printers.id').onDelete('CASCADE');
    table.bigInteger('batch_id').unsigned().references('barcode_batches.id').onDelete('SET NULL');
    table.string('name', 120).notNullable();
    json(table, 'template');
    table.string('state', 20).notNullable();
    table.string('requested_by', 200).notNullable();
    table.integer('total').notNullable();
    json(table, 'progress');
    // What was left when its job was last given up: another try needs less.
    table.integer('left_at_restart');
    instant(table, 'finished_at');
    table.index(['printer_id', 'state']);
    table.index(['batch_id']);
  });
  await createTable(knex, 'print_labels', (table) => {
    identity(table);
    tenant(table);
    table.bigInteger('print_job_id').unsigned().notNullable().references('print_jobs.id').onDelete('CASCADE');
    table.bigInteger('asset_id').unsigned().references('assets.id').onDelete('SET NULL');
    table.integer('position').notNullable();
    // Its number in the batch.
    table.bigInteger('sequence');
    table.string('code_value', 255).notNullable();
    json(table, 'data');
    table.string('state', 20).notNullable();
    table.boolean('reprint').notNullable();
    table.string('note', 255).notNullable();
    table.unique(['print_job_id', 'position'], { indexName: 'print_labels_position_unique' });
    table.index(['print_job_id', 'state', 'position']);
    table.index(['tenant_id', 'code_value']);
    table.index(['asset_id']);
  });
}

export async function down(knex: Knex): Promise<void> {
  for (const table of ['print_labels', 'print_jobs', 'printers']) await knex.schema.dropTable(table);
}
