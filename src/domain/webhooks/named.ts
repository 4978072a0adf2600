/** The endpoint that someone at a shell means: by its id, or by a name that one alone has. */
import { Conflict, NotFound } from '../../base/errors.ts';
import type { Context } from '../../db/context.ts';

/** Endpoints that an error names. */
const shown = 20;

/** Its id; of the context's tenant, or of all where it has none. NotFound and Conflict say which there are. */
export async function named(ctx: Context, wanted: string): Promise<number> {
  const { tenant } = ctx;
  const sql = `SELECT id, name FROM webhook_endpoints${tenant ? ' WHERE tenant_id = ?' : ''} ORDER BY id`;
  const all = await ctx.db.query<{ id: number; name: string }>(sql, tenant ? [tenant.id] : []);
  const found = all.filter(({ name }) => name === wanted);
  const byId = all.find(({ id }) => String(id) === wanted);
  if (byId || found.length === 1) return (byId ?? found[0])!.id;
  const those = (some: typeof all) => some.map(({ id, name }) => `${id} ${name}`).join(', ');
  if (found.length > 1) throw new Conflict(`Several endpoints are named "${wanted}". Give the id: ${those(found)}.`);
  const more = all.length > shown ? ', …' : '';
  const there = all.length > 0 ? `There are: ${those(all.slice(0, shown))}${more}.` : 'There is none yet.';
  throw new NotFound(`There is no webhook endpoint "${wanted}". ${there}`);
}
