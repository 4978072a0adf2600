/** Tenants: who sees which, and how the shell makes and shuts them. */
import { z } from 'zod';
import { AppError, Conflict, Forbidden, NotFound } from '../../base/errors.ts';
import { type Context, inTransaction, type Tenant, timestamp } from '../../db/context.ts';
import { defineResource } from '../../resource/define.ts';
import { flag, jsonObject, text } from '../../resource/fields.ts';
import { type Page, parseListQuery, type QueryText } from '../../resource/pages.ts';
import { parse } from '../../resource/parse.ts';
import { type Principal, raiseVersion, requireSuperuser } from './access.ts';

const slug = z
  .string()
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, { error: 'Use small letters, digits and hyphens.' })
  // X-Tenant-ID takes either, so a slug must not look like an id.
  .regex(/\D/, { error: 'Use at least one letter.' })
  .max(80);

const fields = z.object({ name: text(200), slug, is_active: flag(true), settings: jsonObject() });

/** Its rows are tenants themselves, so they have no tenant of their own. */
const definition = defineResource({
  name: 'tenant',
  path: 'tenants',
  table: 'tenants',
  area: 'accounts',
  fields,
  search: ['name', 'slug'],
  ordering: ['name', 'slug'],
  order: 'name',
  filters: ['is_active', 'slug'],
});
export const tenants = { ...definition, read: definition.read.omit({ tenant: true }) };

export interface TenantRow extends Tenant {
  is_active: boolean;
  created_at: string;
  updated_at: string;
}

/** The tenants a caller may enter; a superuser sees all. There are few, so they are paged in memory. */
export async function tenantsOf(ctx: Context, principal: Principal, query: QueryText): Promise<Page<TenantRow>> {
  const { page, pageSize, search, ordering, filters } = parseListQuery(definition, query);
  const wanted = search.toLowerCase();
  const field = ordering.field as keyof TenantRow;
  const rows = (await visible(ctx, principal))
    .filter((row) => row.name.toLowerCase().includes(wanted) || row.slug.includes(wanted))
    .filter((row) => filters.every(({ column, value }) => row[column as keyof TenantRow] === value))
    .sort((one, two) => compare(one[field], two[field]) * (ordering.descending ? -1 : 1));
  const shown = rows.slice((page - 1) * pageSize, page * pageSize);
  if (page > 1 && shown.length === 0) throw new NotFound('Invalid page.');
  return { rows: shown, count: rows.length, page, hasNext: rows.length > page * pageSize, nextCursor: null };
}

/** One of them. Forbidden for a tenant that the caller is not in. */
export async function tenantOf(ctx: Context, principal: Principal, id: string): Promise<TenantRow> {
  const rows = /^\d{1,15}$/.test(id) ? await select(ctx, 'WHERE id = ?', [Number(id)]) : [];
  if (!rows[0]) throw new NotFound();
  const mine = (await visible(ctx, principal)).find((row) => row.id === rows[0]!.id);
  if (!mine) throw new Forbidden();
  return mine;
}

async function visible(ctx: Context, principal: Principal): Promise<TenantRow[]> {
  if (principal.superuser) return select(ctx, '', []);
  if (principal.kind === 'token') return select(ctx, 'WHERE is_active = ? AND id = ?', [true, principal.tenantId!]);
  const mine = 'WHERE is_active = ? AND id IN (SELECT tenant_id FROM memberships WHERE user_id = ? AND is_active = ?)';
  return select(ctx, mine, [true, principal.id, true]);
}

const columns = 'id, name, slug, is_active, settings, created_at, updated_at';

async function select(ctx: Context, where: string, params: (string | number | boolean)[]): Promise<TenantRow[]> {
  const rows = await ctx.db.query<Record<keyof TenantRow, unknown>>(
    `SELECT ${columns} FROM tenants ${where} ORDER BY id`,
    params,
  );
  return rows.map(
    (row) => ({ ...row, is_active: Boolean(row.is_active), settings: JSON.parse(row.settings as string) }) as TenantRow,
  );
}

const compare = (one: unknown, two: unknown): number => (one === two ? 0 : (one as string) < (two as string) ? -1 : 1);

export const listTenants = (ctx: Context): Promise<TenantRow[]> => select(ctx, '', []);

/** A new tenant; its slug is made from the name unless given. Conflict when either is taken. */
export async function addTenant(ctx: Context, input: { name: string; slug?: string | undefined }): Promise<Tenant> {
  requireSuperuser(ctx);
  const values = parse(fields, { name: input.name, slug: input.slug ?? slugOf(input.name) });
  return inTransaction(ctx, async (tx) => {
    const taken = await select(tx, 'WHERE name = ? OR slug = ?', [values.name, values.slug]);
    if (taken[0])
      throw new Conflict(
        `There is a tenant "${taken[0].name}" (${taken[0].slug}) already. Choose another name or --slug.`,
      );
    const now = timestamp(tx);
    const row = {
      name: values.name,
      slug: values.slug,
      is_active: true,
      settings: '{}',
      created_at: now,
      updated_at: now,
    };
    const id = await tx.db.insert('tenants', row);
    await raiseVersion(tx);
    return { id, name: values.name, slug: values.slug, settings: {} };
  });
}

/** The tenant of that id, else of that slug or name. NotFound names those there are; Conflict when two go by it. */
export async function findTenant(ctx: Context, reference: string): Promise<Tenant> {
  const all = await listTenants(ctx);
  const byId = all.filter(({ id }) => String(id) === reference);
  const matching = byId.length > 0 ? byId : all.filter(({ slug, name }) => slug === reference || name === reference);
  const [found] = matching;
  if (matching.length > 1)
    throw new Conflict(`Tenants ${matching.map(({ id }) => id).join(' and ')} both go by "${reference}". Give the id.`);
  if (!found)
    throw new NotFound(
      `There is no tenant "${reference}". There are: ${all.map(({ slug }) => slug).join(', ') || 'none'}.`,
    );
  const { id, name, slug, settings } = found;
  return { id, name, slug, settings };
}

/** The tenant of that id, unless there is none or it is disabled. */
export async function activeTenant(ctx: Context, id: number): Promise<Tenant | undefined> {
  const [row] = await select(ctx, 'WHERE id = ? AND is_active = ?', [id, true]);
  return row && { id: row.id, name: row.name, slug: row.slug, settings: row.settings };
}

/** Its users and tokens are refused from now on; its data stays. */
export async function disableTenant(ctx: Context, reference: string): Promise<Tenant> {
  requireSuperuser(ctx);
  const tenant = await findTenant(ctx, reference);
  await inTransaction(ctx, async (tx) => {
    await tx.db.execute('UPDATE tenants SET is_active = ?, updated_at = ? WHERE id = ?', [
      false,
      timestamp(tx),
      tenant.id,
    ]);
    await raiseVersion(tx);
  });
  return tenant;
}

function slugOf(name: string): string {
  const ascii = name
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase();
  const slug = ascii
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 80)
    .replace(/^-+|-+$/g, '');
  if (/^\d+$/.test(slug)) return `tenant-${slug}`.slice(0, 80);
  if (slug === '') throw new AppError('slug', 400, 'No short name can be made from this name. Give --slug.');
  return slug;
}
