/** Lists: pages with a count, or a keyset walk by cursor at constant cost; search, ordering and exact filters. */
import { z } from 'zod';
import { Invalid, NotFound } from '../base/errors.ts';
import type { TenantContext } from '../db/context.ts';
import type { Row } from '../db/database.ts';
import type { Value } from '../db/dialect.ts';
import { type AnyResource, columnOf, type RowOf } from './define.ts';
import { unwrap } from './fields.ts';
import { parse } from './parse.ts';
import { decode } from './store.ts';

export const defaultPageSize = 50;
export const maxPageSize = 500;
const maxSearch = 200;
/** Accepted on every list without a meaning of their own here. */
const tolerated = ['tenant', 'format', '_'];

export type QueryText = Record<string, string | string[] | undefined>;

export interface ListQuery {
  page: number;
  pageSize: number;
  /** Undefined: pages. Null: the start of a cursor walk. */
  cursor: Cursor | null | undefined;
  search: string;
  ordering: Ordering;
  filters: Condition[];
}

interface Ordering {
  field: string;
  descending: boolean;
}

interface Cursor {
  value: Value;
  id: number;
}

export interface Condition {
  column: string;
  value: Value;
}

/** A condition in SQL text of its own, with `?` for its values. */
export interface Clause {
  text: string;
  params: Value[];
}

export interface Page<T = Row> {
  rows: T[];
  count: number | null;
  page: number;
  hasNext: boolean;
  /** Where a cursor walk goes on; null at its end or in page mode. */
  nextCursor: string | null;
}

/** True or false, as filters say it. */
export const truth = () =>
  z
    .string()
    .regex(/^(true|True|TRUE|false|False|FALSE|1|0)$/, { error: 'Must be true or false.' })
    .transform((text) => boolean(text))
    .optional();

/** The filters that a caller reads itself; an empty one is none, as with those of the resource. */
export function ownFilters<S extends z.ZodObject>(own: S, query: QueryText): z.output<S> {
  const sent = Object.entries(query).filter(([key, value]) => key in own.shape && value !== '');
  const twice = sent.filter(([, value]) => Array.isArray(value)).map(([key]) => [key, [once]]);
  if (twice.length > 0) throw new Invalid(Object.fromEntries(twice));
  return parse(own, Object.fromEntries(sent));
}
const once = 'Give this parameter once.';

/** Query text -> typed; Invalid names every unknown or faulty parameter. `own` are the filters that the caller reads itself. */
export function parseListQuery(resource: AnyResource, query: QueryText, own?: z.ZodObject): ListQuery {
  const faults: Record<string, string[]> = {};
  const read = <T>(key: string, work: (text: string) => T): T | undefined => {
    const value = query[key];
    if (value === undefined) return undefined;
    if (Array.isArray(value)) faults[key] = [once];
    else
      try {
        return work(value);
      } catch (error) {
        faults[key] = [(error as Error).message];
      }
    return undefined;
  };
  const ordering = read('ordering', (text) => orderingOf(resource, text)) ?? orderingOf(resource, resource.order);
  const parsed: ListQuery = {
    page: read('page', (text) => integer(text, 1, 1e9)) ?? 1,
    pageSize: read('page_size', (text) => integer(text, 1, maxPageSize)) ?? defaultPageSize,
    cursor: read('cursor', (text) => cursorOf(text, ordering)),
    search: read('search', searchText) ?? '',
    ordering,
    filters: [],
  };
  const known = ['page', 'page_size', 'cursor', 'search', 'ordering', ...tolerated];
  const filters = [...(resource.filters ?? []), ...Object.keys(own?.shape ?? {})];
  for (const key of Object.keys(query)) {
    if (known.includes(key) || (own && key in own.shape)) continue;
    if (!resource.filters?.includes(key))
      faults[key] = [`Unknown filter. Known: ${[...filters, ...known.slice(0, 5)].join(', ')}.`];
    else read(key, (text) => text !== '' && parsed.filters.push(conditionOf(resource, key, text)));
  }
  if (parsed.cursor !== undefined && query.page !== undefined)
    faults.page = ['A walk by cursor has no page numbers. Leave out page or cursor.'];
  if (Object.keys(faults).length > 0) throw new Invalid(faults);
  return parsed;
}

/** One page of the tenant's rows. `within` narrows it further, such as to one asset. */
export async function list<R extends AnyResource>(
  ctx: TenantContext,
  resource: R,
  query: ListQuery,
  within: readonly (Condition | Clause)[] = [],
): Promise<Page<RowOf<R>>> {
  const where = conditions(ctx, resource, query, within);
  const walking = query.cursor !== undefined;
  const rows = await select(ctx, resource, query, where);
  const hasNext = rows.length > query.pageSize;
  const shown = rows.slice(0, query.pageSize).map((row) => decode(resource, row));
  if (!walking && query.page > 1 && shown.length === 0) throw new NotFound('Invalid page.');
  const count = walking ? null : await total(ctx, resource, where);
  const last = shown.at(-1) as Row | undefined;
  const nextCursor = walking && hasNext && last ? cursorText(query.ordering, last) : null;
  return { rows: shown, count, page: query.page, hasNext, nextCursor };
}

function conditions(
  ctx: TenantContext,
  resource: AnyResource,
  query: ListQuery,
  within: readonly (Condition | Clause)[],
): Clause {
  const texts = ['tenant_id = ?'];
  const params: Value[] = [ctx.tenant.id];
  for (const condition of [...within, ...query.filters]) {
    texts.push('text' in condition ? `(${condition.text})` : `${condition.column} = ?`);
    params.push(...('text' in condition ? condition.params : [condition.value]));
  }
  if (query.search) {
    const columns: string[] = resource.search!.map((field: string) => columnOf(resource, field));
    texts.push(`(${columns.map((column) => `LOWER(${column}) LIKE LOWER(?) ESCAPE '!'`).join(' OR ')})`);
    const pattern = `%${query.search.replace(/[!%_]/g, '!$&')}%`;
    for (const _ of resource.search!) params.push(pattern);
  }
  return { text: texts.join(' AND '), params };
}

async function select(ctx: TenantContext, resource: AnyResource, query: ListQuery, where: Clause): Promise<Row[]> {
  const { field, descending } = query.ordering;
  const direction = descending ? 'DESC' : 'ASC';
  const beyond = descending ? '<' : '>';
  const column = columnOf(resource, field);
  const order = field === 'id' ? `id ${direction}` : `${column} ${direction}, id ${direction}`;
  const limit = query.pageSize + 1;
  const ask = (more: string, params: Value[], offset = 0): Promise<Row[]> => {
    const from = `SELECT ${resource.selection} FROM ${resource.table} WHERE ${where.text}${more}`;
    const skip = offset > 0 ? ` OFFSET ${offset}` : '';
    return ctx.db.query(`${from} ORDER BY ${order} LIMIT ${limit}${skip}`, [...where.params, ...params]);
  };
  if (!query.cursor) return ask('', [], (query.page - 1) * query.pageSize);
  const { value, id } = query.cursor;
  if (field === 'id') return ask(` AND id ${beyond} ?`, [id]);
  // Two questions: in one, all rows of the same value would be read again for each page, and MariaDB has no index for (a, b) > (?, ?).
  const alike = await ask(` AND ${column} = ? AND id ${beyond} ?`, [value, id]);
  if (alike.length === limit) return alike;
  return [...alike, ...(await ask(` AND ${column} ${beyond} ?`, [value]))].slice(0, limit);
}

async function total(ctx: TenantContext, resource: AnyResource, where: Clause): Promise<number> {
  const sql = `SELECT COUNT(*) AS count FROM ${resource.table} WHERE ${where.text}`;
  const rows = await ctx.db.query<{ count: number }>(sql, where.params);
  return rows[0]!.count;
}

function orderingOf(resource: AnyResource, text: string): Ordering {
  const descending = text.startsWith('-');
  const field = descending ? text.slice(1) : text;
  if (!resource.orderable.includes(field))
    throw new Error(`Cannot order by this. Choose one of: ${resource.orderable.join(', ')}.`);
  return { field, descending };
}

function conditionOf(resource: AnyResource, field: string, text: string): Condition {
  const column = columnOf(resource, field);
  const schema = unwrap(resource.read.shape[field] as z.ZodType);
  if (schema instanceof z.ZodNumber) return { column, value: integer(text, 0, Number.MAX_SAFE_INTEGER) };
  if (schema instanceof z.ZodBoolean) return { column, value: boolean(text) };
  if (schema instanceof z.ZodEnum && !schema.safeParse(text).success)
    throw new Error(`Not a valid choice. Choose one of: ${schema.options.join(', ')}.`);
  if (!text.isWellFormed() || text.includes('\0') || text.length > 512) throw new Error('Not a valid value.');
  // As a body with this text is kept: `Asset` finds the forms of `asset`.
  const kept = schema.safeParse(text);
  return { column, value: kept.success && typeof kept.data === 'string' ? kept.data : text };
}

function integer(text: string, least: number, most: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value)) throw new Error('A valid integer is required.');
  if (value < least) throw new Error(`Ensure this value is greater than or equal to ${least}.`);
  if (value > most) throw new Error(`Ensure this value is less than or equal to ${most}.`);
  return value;
}

function boolean(text: string): boolean {
  if (/^(true|1)$/i.test(text)) return true;
  if (/^(false|0)$/i.test(text)) return false;
  throw new Error('Must be true or false.');
}

function searchText(text: string): string {
  if (text.length > maxSearch) throw new Error(`Ensure this has no more than ${maxSearch} characters.`);
  if (!text.isWellFormed() || text.includes('\0')) throw new Error('Not a valid value.');
  return text.trim();
}

/** The cursor carries its ordering, so that it cannot be used with another one. */
const cursorText = ({ field, descending }: Ordering, row: Row): string =>
  Buffer.from(JSON.stringify([descending ? `-${field}` : field, row[field], row.id])).toString('base64url');

function cursorOf(text: string, ordering: Ordering): Cursor | null {
  if (text === '') return null;
  const broken = new Error('Not a cursor of this list and ordering. Start again with an empty cursor.');
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    throw broken;
  }
  const schema = z.tuple([z.string(), z.union([z.string().max(600), z.number(), z.boolean()]), z.int().positive()]);
  const result = schema.safeParse(parts);
  const expected = ordering.descending ? `-${ordering.field}` : ordering.field;
  if (!result.success || result.data[0] !== expected) throw broken;
  const [, value, id] = result.data;
  if (typeof value === 'string' && (value.includes('\0') || !value.isWellFormed())) throw broken;
  return { value, id };
}
