/** The lines that scans count on. Rows are touched in the order of their ids, so that two devices do not wait for each other in a ring. */
import { sha256 } from '../../base/ids.ts';
import { type TenantContext, timestamp } from '../../db/context.ts';
import * as changes from '../../queue/changes.ts';
import * as store from '../../resource/store.ts';
import { inChunks } from './expected.ts';
import { inventoryLines, type LineRow, type SessionRow } from './resource.ts';

/** The asset that was seen, or the code that names none. */
export type LineKey = { asset: number } | { code: string };

/** What tells it from the session's other lines: the asset's id, or the hash of the code. */
export const nameOf = (key: LineKey): number | string => ('asset' in key ? key.asset : sha256(key.code));

/**
 * The ids of the keys' lines by their names; those that are not there yet are made, in one order for all, as another
 * device may make them at the same moment.
 */
export async function linesOf(
  ctx: TenantContext,
  session: SessionRow,
  keys: readonly LineKey[],
): Promise<Map<number | string, number>> {
  const wanted = new Map(keys.map((key) => [nameOf(key), key]));
  const names = [...wanted.keys()];
  const assets = names.filter((name) => typeof name === 'number').sort((one, two) => one - two);
  const codes = names.filter((name) => typeof name === 'string').sort();
  const known = await find(ctx, session, assets, codes);
  const missing = [...assets, ...codes].filter((name) => !known.has(name));
  if (missing.length === 0) return known;
  for (const name of missing) await make(ctx, session, wanted.get(name)!);
  return find(ctx, session, assets, codes);
}

async function find(
  ctx: TenantContext,
  session: SessionRow,
  assets: number[],
  codes: string[],
): Promise<Map<number | string, number>> {
  const found = new Map<number | string, number>();
  for (const [column, names] of [
    ['asset_id', assets],
    ['code_key', codes],
  ] as const)
    for (const { part, marks } of inChunks<number | string>(names)) {
      const sql = `SELECT id, ${column} AS name FROM inventory_lines WHERE session_id = ? AND ${column} IN (${marks})`;
      const rows = await ctx.db.query<{ id: number; name: number | string }>(sql, [session.id, ...part]);
      for (const { id, name } of rows) found.set(name, id);
    }
  return found;
}

async function make(ctx: TenantContext, session: SessionRow, key: LineKey): Promise<void> {
  const now = timestamp(ctx);
  const column = 'asset' in key ? 'asset_id' : 'code_key';
  const row = {
    tenant_id: session.tenant,
    session_id: session.id,
    [column]: nameOf(key),
    barcode_value: 'code' in key ? key.code : await labelOf(ctx, key.asset),
    expected_qty: 0,
    counted_qty: 0,
    variance_qty: 0,
    created_at: now,
    updated_at: now,
  };
  await ctx.db.run(ctx.db.build('inventory_lines').insert(row).onConflict(['session_id', column]).ignore());
}

async function labelOf(ctx: TenantContext, asset: number): Promise<string> {
  const sql =
    "SELECT CASE WHEN barcode_value = '' THEN asset_tag ELSE barcode_value END AS label FROM assets WHERE id = ?";
  return (await ctx.db.query<{ label: string }>(sql, [asset]))[0]!.label;
}

/** One more for each mention of a line. */
export async function increase(ctx: TenantContext, lines: readonly number[]): Promise<void> {
  const times = new Map<number, number>();
  for (const line of lines) times.set(line, (times.get(line) ?? 0) + 1);
  const sql =
    'UPDATE inventory_lines SET counted_qty = counted_qty + ?, variance_qty = variance_qty + ?, updated_at = ? WHERE id = ?';
  for (const [id, more] of [...times].sort(([one], [two]) => one - two)) {
    await ctx.db.execute(sql, [more, more, timestamp(ctx), id]);
    const fields = ['counted_qty', 'variance_qty'];
    changes.append(ctx, { entity: inventoryLines.entity, entity_id: id, op: 'update', fields });
  }
}

export async function readLines(ctx: TenantContext, ids: readonly number[]): Promise<Map<number, LineRow>> {
  const lines = new Map<number, LineRow>();
  for (const { part, marks } of inChunks([...new Set(ids)])) {
    const sql = `SELECT ${inventoryLines.selection} FROM inventory_session_lines WHERE id IN (${marks})`;
    for (const row of await ctx.db.query(sql, part)) lines.set(Number(row.id), store.decode(inventoryLines, row));
  }
  return lines;
}
