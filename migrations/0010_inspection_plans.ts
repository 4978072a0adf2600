import type { Knex } from 'knex';
import { instant, isMysql } from './columns.ts';

/** Plans that repeat inspections, and a place for the secrets in the config of an integration. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('maintenance_plans', (table) => {
    table.string('kind', 20).notNullable().defaultTo('maintenance');
  });
  await knex.schema.alterTable('inspection_records', (table) => {
    instant(table, 'due_from');
  });
  // In SQL: to add the reference knex would copy the whole table on SQLite.
  const type = isMysql(knex) ? 'bigint unsigned' : 'bigint';
  const inline = isMysql(knex) ? '' : ' REFERENCES maintenance_plans (id)';
  await knex.raw(`ALTER TABLE inspection_records ADD COLUMN plan_id ${type} NULL${inline}`);
  if (isMysql(knex))
    await knex.raw(
      'ALTER TABLE inspection_records ADD CONSTRAINT inspection_records_plan_id_foreign ' +
        'FOREIGN KEY (plan_id) REFERENCES maintenance_plans (id)',
    );
  await knex.schema.alterTable('inspection_records', (table) => {
    table.index(['plan_id']);
  });
  await knex('inspection_records').update({ due_from: knex.ref('scheduled_at') });
  await knex.schema.alterTable('integrations', (table) => {
    table.text('secrets_sealed', 'longtext');
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.alterTable('integrations', (table) => {
    table.dropColumn('secrets_sealed');
  });
  if (isMysql(knex))
    await knex.raw('ALTER TABLE inspection_records DROP FOREIGN KEY inspection_records_plan_id_foreign');
  await knex.schema.alterTable('inspection_records', (table) => {
    table.dropIndex(['plan_id']);
  });
  await knex.raw('ALTER TABLE inspection_records DROP COLUMN plan_id');
  await knex.raw('ALTER TABLE inspection_records DROP COLUMN due_from');
  // A plan that the program before this one would take for one of maintenance.
  await knex('maintenance_plans').where({ kind: 'inspection' }).delete();
  await knex.raw('ALTER TABLE maintenance_plans DROP COLUMN kind');
}
