/** Places, and how others find one. */
import type { TenantContext } from '../../db/context.ts';
import type { RowOf } from '../../resource/define.ts';
import { serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { locations } from './resource.ts';

export type LocationRow = RowOf<typeof locations>;

export const served = serve(locations);

/** The tenant's location with this code. */
export const byCode = (ctx: TenantContext, code: string): Promise<LocationRow | undefined> =>
  store.findBy(ctx, locations, 'code', code);

/** Every location of the tenant, by code. */
export async function all(ctx: TenantContext): Promise<LocationRow[]> {
  const sql = `SELECT ${locations.selection} FROM locations WHERE tenant_id = ? ORDER BY code`;
  return (await ctx.db.query(sql, [ctx.tenant.id])).map((row) => store.decode(locations, row));
}

/** The location with this code, else those with this name. */
export async function named(ctx: TenantContext, text: string): Promise<LocationRow[]> {
  const location = await byCode(ctx, text);
  return location ? [location] : store.allWith(ctx, locations, 'name', [text]);
}
