/** Column shapes that every table shares, alike on SQLite, PostgreSQL and MySQL/MariaDB. */
import type { Knex } from 'knex';

/** RFC 3339 UTC with milliseconds, as text: one form in SQL, JSON and hashes, and sorts by time. */
export const instantLength = 24;

export async function createTable(
  knex: Knex,
  name: string,
  columns: (table: Knex.CreateTableBuilder) => void,
): Promise<void> {
  await knex.schema.createTable(name, (table) => {
    // The default collations of MySQL fold case and trailing blanks: two tags would be one.
    if (isMysql(knex)) {
      table.engine('InnoDB');
      table.charset('utf8mb4');
      table.collate('utf8mb4_bin');
    }
    columns(table);
  });
}

export const isMysql = (knex: Knex): boolean => knex.client.config.client === 'mysql2';

export function identity(table: Knex.CreateTableBuilder): void {
  table.bigIncrements('id');
  stamps(table);
}

export function stamps(table: Knex.CreateTableBuilder): void {
  table.string('created_at', instantLength).notNullable();
  table.string('updated_at', instantLength).notNullable();
}

export function tenant(table: Knex.CreateTableBuilder): void {
  table.bigInteger('tenant_id').unsigned().notNullable().references('tenants.id');
}

/** A column that points at another table's row; refused by the database while pointed at. */
export function reference(
  table: Knex.CreateTableBuilder,
  column: string,
  target: string,
): Knex.ReferencingColumnBuilder {
  return table.bigInteger(column).unsigned().references(`${target}.id`);
}

export const instant = (table: Knex.CreateTableBuilder, column: string) => table.string(column, instantLength);

/** JSON as text: the application writes and reads it whole, in one form on all three. */
export const json = (table: Knex.CreateTableBuilder, column: string) => table.text(column, 'longtext').notNullable();

/** Degrees with six decimals, as text, answered as it was stored. */
export const degrees = (table: Knex.CreateTableBuilder, column: string) => table.string(column, 12);
