/** What should be there: the places of a session, and a line for each asset whose record has it at one of them. */
import { type TenantContext, timestamp } from '../../db/context.ts';
import type { SessionRow } from './resource.ts';

/** Ids asked for in one statement, below every database's limit of parameters. */
const chunk = 500;

/** Lines of ids in parts, each with the text of its placeholders. */
export function* inChunks<T>(items: readonly T[]): Generator<{ part: T[]; marks: string }> {
  for (let from = 0; from < items.length; from += chunk) {
    const part = items.slice(from, from + chunk);
    yield { part, marks: part.map(() => '?').join(', ') };
  }
}

const atPlaces =
  'FROM assets a JOIN inventory_session_locations p ON p.location_id = a.current_location_id ' +
  "WHERE p.session_id = ? AND a.status NOT IN ('retired', 'lost')";

/** Sets what the session expects anew; what was counted stays. The caller holds the session's row. */
export async function expectAssets(
  ctx: TenantContext,
  { id, location, include_sublocations: deep }: SessionRow,
): Promise<void> {
  const { db } = ctx;
  await db.execute('DELETE FROM inventory_session_locations WHERE session_id = ?', [id]);
  const untouched = 'NOT EXISTS (SELECT 1 FROM inventory_counts c WHERE c.line_id = inventory_lines.id)';
  await db.execute(`DELETE FROM inventory_lines WHERE session_id = ? AND ${untouched}`, [id]);
  const reset = 'UPDATE inventory_lines SET expected_qty = 0, variance_qty = counted_qty WHERE session_id = ?';
  await db.execute(reset, [id]);
  if (location === null) return;
  const places = deep ? await below(ctx, location) : [location];
  const rows = places.map((place) => ({ session_id: id, location_id: place }));
  await db.insertMany('inventory_session_locations', rows);
  const seen = `UPDATE inventory_lines SET expected_qty = 1, variance_qty = counted_qty - 1 WHERE session_id = ? AND asset_id IN (SELECT a.id ${atPlaces})`;
  await db.execute(seen, [id, id]);
  const now = timestamp(ctx);
  const unseen =
    'INSERT INTO inventory_lines (tenant_id, session_id, asset_id, barcode_value, expected_qty, counted_qty, variance_qty, created_at, updated_at) ' +
    "SELECT a.tenant_id, p.session_id, a.id, CASE WHEN a.barcode_value = '' THEN a.asset_tag ELSE a.barcode_value END, 1, 0, -1, ?, ? " +
    `${atPlaces} AND NOT EXISTS (SELECT 1 FROM inventory_lines l WHERE l.session_id = p.session_id AND l.asset_id = a.id)`;
  await db.execute(unseen, [now, now, id]);
}

/** The location and all below it. */
async function below(ctx: TenantContext, location: number): Promise<number[]> {
  const all = new Set([location]);
  for (let level = [location]; level.length > 0; ) {
    const next: number[] = [];
    for (const { part, marks } of inChunks(level)) {
      const sql = `SELECT id FROM locations WHERE tenant_id = ? AND parent_id IN (${marks})`;
      const children = await ctx.db.query<{ id: number }>(sql, [ctx.tenant.id, ...part]);
      next.push(...children.map(({ id }) => id).filter((id) => !all.has(id)));
    }
    for (const id of next) all.add(id);
    level = next;
  }
  return [...all];
}
