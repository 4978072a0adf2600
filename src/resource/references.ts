/** Half of the guarded door: every reference in a change names a row of the caller's tenant, and trees stay trees. */
import { Invalid } from '../base/errors.ts';
import type { TenantContext } from '../db/context.ts';
import type { Row } from '../db/database.ts';
import type { AnyResource, Ref } from './define.ts';

/** Deeper than any site nests; a longer chain is taken for a cycle. */
const maxDepth = 100;

/** Invalid on each field whose row is unknown or another tenant's: the two look alike, so nothing leaks. */
export async function checkReferences(
  ctx: TenantContext,
  resource: AnyResource,
  values: Row,
  exists: Exists = isThere,
): Promise<void> {
  const faults: Record<string, string[]> = {};
  for (const [field, ref] of Object.entries(resource.refs ?? {})) {
    const id = values[field];
    if (typeof id === 'number' && !(await exists(ctx, ref, id))) faults[field] = [`${ref.label} not found.`];
  }
  if (Object.keys(faults).length > 0) throw new Invalid(faults);
}

/** Whether the tenant has the row; whoever checks many asks once for each. */
export type Exists = (ctx: TenantContext, ref: Ref, id: number) => Promise<boolean>;

export async function isThere(ctx: TenantContext, ref: Ref, id: number): Promise<boolean> {
  const column = ref.column ?? 'id';
  const rows = await ctx.db.query(`SELECT id FROM ${ref.table} WHERE ${column} = ? AND tenant_id = ?`, [
    id,
    ctx.tenant.id,
  ]);
  return rows.length > 0;
}

/** Invalid when the new parent is the row itself or below it. Locks the tenant: two moves could close a ring together. */
export async function checkTree(ctx: TenantContext, resource: AnyResource, id: number, changes: Row): Promise<void> {
  const field = resource.tree;
  const parent = field && changes[field];
  if (!field || typeof parent !== 'number') return;
  await ctx.db.query(`SELECT id FROM tenants WHERE id = ?${ctx.db.forUpdate}`, [ctx.tenant.id]);
  let above: number | null = parent;
  for (let depth = 0; above !== null; depth += 1) {
    if (above === id || depth > maxDepth)
      throw new Invalid({ [field]: [`This would put the ${resource.name} below itself. Choose another ${field}.`] });
    const rows: { parent: number | null }[] = await ctx.db.query(
      `SELECT ${field}_id AS parent FROM ${resource.table} WHERE id = ?`,
      [above],
    );
    above = rows[0]?.parent ?? null;
  }
}
