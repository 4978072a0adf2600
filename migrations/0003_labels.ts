import type { Knex } from 'knex';
import { createTable, identity, instant, json, reference, tenant } from './columns.ts';

export async function up(knex: Knex): Promise<void> {
  await createTable(knex, 'barcode_templates', (table) => {
    identity(table);
    tenant(table);
    table.string('name', 120).notNullable();
    table.string('symbology', 20).notNullable();
    table.double('width_mm').notNullable();
    table.double('height_mm').notNullable();
    table.integer('dpi').notNullable();
    table.text('text_template', 'longtext').notNullable();
    table.text('zpl_template', 'longtext').notNullable();
    table.boolean('is_default').notNullable();
    table.unique(['tenant_id', 'name'], { indexName: 'barcode_templates_name_unique' });
  });
  await createTable(knex, 'barcode_batches', (table) => {
    identity(table);
    tenant(table);
    reference(table, 'template_id', 'barcode_templates');
    table.string('prefix', 60).notNullable();
    table.bigInteger('start_sequence').notNullable();
    table.bigInteger('end_sequence').notNullable();
    json(table, 'payload_schema');
    reference(table, 'generated_by_id', 'users');
    instant(table, 'generated_at');
    table.string('status', 20).notNullable();
    table.integer('progress').notNullable();
  });
  await createTable(knex, 'barcode_labels', (table) => {
    identity(table);
    tenant(table);
    table.bigInteger('batch_id').unsigned().notNullable().references('barcode_batches.id').onDelete('CASCADE');
    table.bigInteger('asset_id').unsigned().references('assets.id').onDelete('SET NULL');
    table.bigInteger('sequence').notNullable();
    table.string('code_value', 255).notNullable();
    json(table, 'render_payload');
    table.string('pdf_path', 255).notNullable();
    table.text('zpl_payload', 'longtext').notNullable();
    table.unique(['batch_id', 'sequence'], { indexName: 'barcode_labels_sequence_unique' });
    table.unique(['tenant_id', 'code_value'], { indexName: 'barcode_labels_code_value_unique' });
    table.index(['asset_id']);
  });
}

export async function down(knex: Knex): Promise<void> {
  for (const table of ['barcode_labels', 'barcode_batches', 'barcode_templates']) await knex.schema.dropTable(table);
}
