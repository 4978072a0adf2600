/** Rows of a resource in SQL: the one place where snake_case columns become fields. Rules live above. */
import { Conflict, Forbidden, NotFound } from '../base/errors.ts';
import { type Context, type TenantContext, timestamp } from '../db/context.ts';
import type { Row } from '../db/database.ts';
import type { Value } from '../db/dialect.ts';
import { UniqueViolation } from '../db/errors.ts';
import { listOf } from '../db/lists.ts';
import * as changes from '../queue/changes.ts';
import type { AnyResource, Column, RowOf } from './define.ts';

/** The row of the request's tenant, or NotFound; Forbidden when it is another tenant's. `lock` keeps it until commit. */
export async function get<R extends AnyResource>(
  ctx: TenantContext,
  resource: R,
  id: number,
  lock = false,
): Promise<RowOf<R>> {
  const row = await find(ctx, resource, id, lock);
  if (!row) throw new NotFound();
  if (row.tenant !== ctx.tenant.id) throw new Forbidden();
  return row;
}

/** The row whatever its tenant. */
export async function find<R extends AnyResource>(
  ctx: Context,
  resource: R,
  id: number,
  lock = false,
): Promise<RowOf<R> | undefined> {
  const tail = lock ? ctx.db.forUpdate : '';
  const rows = await ctx.db.query(`SELECT ${resource.selection} FROM ${resource.table} WHERE id = ?${tail}`, [id]);
  return rows[0] && decode(resource, rows[0]);
}

/** The tenant's row with this value in a unique column. */
export async function findBy<R extends AnyResource>(
  ctx: TenantContext,
  resource: R,
  column: string,
  value: Value,
): Promise<RowOf<R> | undefined> {
  const sql = `SELECT ${resource.selection} FROM ${resource.table} WHERE tenant_id = ? AND ${column} = ? ORDER BY id LIMIT 1`;
  const rows = await ctx.db.query(sql, [ctx.tenant.id, value]);
  return rows[0] && decode(resource, rows[0]);
}

/** Stores a new row with its entry in the change log, and answers it. `hidden` are columns that are never answered. */
export async function insert<R extends AnyResource>(
  ctx: TenantContext,
  resource: R,
  values: Partial<RowOf<R>>,
  hidden: Record<string, Value> = {},
): Promise<RowOf<R>> {
  const now = timestamp(ctx);
  const row = { ...values, tenant: ctx.tenant.id, created_at: now, updated_at: now };
  const id = await clashing(resource, () => ctx.db.insert(resource.table, { ...encode(resource, row), ...hidden }));
  changes.append(ctx, { entity: resource.entity, entity_id: id, op: 'create', fields: [] });
  return ordered(resource, { ...row, id });
}

/** The same for many rows, which must all have the same fields; answers them in their order. */
export async function insertAll<R extends AnyResource>(
  ctx: TenantContext,
  resource: R,
  rows: readonly Partial<RowOf<R>>[],
): Promise<RowOf<R>[]> {
  const now = timestamp(ctx);
  const stamped = rows.map((row) => ({ ...row, tenant: ctx.tenant.id, created_at: now, updated_at: now }));
  const encoded = stamped.map((row) => encode(resource, row));
  const ids = await clashing(resource, () => ctx.db.insertAll(resource.table, encoded));
  for (const id of ids) changes.append(ctx, { entity: resource.entity, entity_id: id, op: 'create', fields: [] });
  return stamped.map((row, index) => ordered(resource, { ...row, id: ids[index] }));
}

/** The tenant's rows with one of these values in a column. */
export async function allWith<R extends AnyResource>(
  ctx: TenantContext,
  resource: R,
  column: string,
  values: readonly Value[],
): Promise<RowOf<R>[]> {
  if (values.length === 0) return [];
  const { marks, params } = listOf(values);
  const sql = `SELECT ${resource.selection} FROM ${resource.table} WHERE tenant_id = ? AND ${column} IN ${marks}`;
  const rows = await ctx.db.query(sql, [ctx.tenant.id, ...params]);
  return rows.map((row) => decode(resource, row));
}

/** Every field in the definition's order, as a read answers it: an ETag must not depend on who made the row. */
const ordered = <R extends AnyResource>(resource: R, row: Row): RowOf<R> =>
  Object.fromEntries(resource.columns.map(({ field }: Column) => [field, row[field] ?? null])) as RowOf<R>;

/** Writes the changed fields, tells the change log, and answers the whole row. */
export async function update<R extends AnyResource>(
  ctx: TenantContext,
  resource: R,
  row: RowOf<R>,
  changed: Partial<RowOf<R>>,
): Promise<RowOf<R>> {
  const written = { ...changed, updated_at: after(row.updated_at, timestamp(ctx)) };
  const columns = encode(resource, written);
  const assignments = Object.keys(columns)
    .map((column) => `${column} = ?`)
    .join(', ');
  const sql = `UPDATE ${resource.table} SET ${assignments} WHERE id = ?`;
  await clashing(resource, () => ctx.db.execute(sql, [...Object.values(columns), row.id]));
  const fields = Object.keys(changed).filter((field) => changed[field as keyof typeof changed] !== undefined);
  changes.append(ctx, { entity: resource.entity, entity_id: row.id, op: 'update', fields });
  return { ...row, ...written };
}

/** Two versions of a row never have one time, not even when the clock goes back: an offline edit names its base by it. */
const after = (last: string, now: string): string => (now > last ? now : new Date(Date.parse(last) + 1).toISOString());

export async function remove(ctx: TenantContext, resource: AnyResource, id: number): Promise<void> {
  await ctx.db.execute(`DELETE FROM ${resource.table} WHERE id = ?`, [id]);
  changes.append(ctx, { entity: resource.entity, entity_id: id, op: 'delete', fields: [] });
}

/** Fields -> columns, only those present. */
export function encode(resource: AnyResource, values: Row): Record<string, Value> {
  const encoded: Record<string, Value> = {};
  for (const column of resource.columns) {
    const value = values[column.field];
    if (value !== undefined) encoded[column.column] = toColumn(column, value);
  }
  return encoded;
}

/** Columns -> the row as it is answered. */
export function decode<R extends AnyResource>(resource: R, row: Row): RowOf<R> {
  const decoded: Row = {};
  for (const column of resource.columns) decoded[column.field] = fromColumn(column, row[column.column]);
  return decoded as RowOf<R>;
}

const toColumn = ({ codec }: Column, value: unknown): Value =>
  codec === 'json' && value !== null ? JSON.stringify(value) : (value as Value);

function fromColumn({ codec }: Column, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (codec === 'json') return JSON.parse(value as string);
  return codec === 'boolean' ? Boolean(value) : value;
}

/** A unique index that refuses the row is a Conflict naming the field; the index is `<table>_<field>_unique`. */
async function clashing<T>(resource: AnyResource, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UniqueViolation)) throw error;
    const field = fieldOf(resource, error.index);
    throw new Conflict(`Another ${resource.name} with this ${field} already exists.`, { cause: error });
  }
}

/** SQLite names the columns (`assets.tenant_id, assets.asset_tag`), the others the index. */
function fieldOf(resource: AnyResource, index: string): string {
  const byIndex = new RegExp(`^${resource.table}_(.+)_unique$`).exec(index)?.[1];
  const column = byIndex ?? index.split(/,\s*/).at(-1)!.split('.').at(-1)!;
  return resource.columns.find((known) => known.column === column)?.field ?? column;
}
