/** The lines that scans count on. Rows are touched in the order of their ids, so that two devices do not wait for each other in a ring. */
import { sha256 } from '../../base/ids.ts';
import { type TenantContext, timestamp } from '../../db/context.ts';
import * as changes from '../../queue/changes.ts';
import * as store from '../../resource/store.ts';
import { inChunks } from './expected.ts';
import { inventoryLines, type LineRow, type SessionRow } from './resource.ts';

/** The asset that was seen, or the code that names none. */
export type LineKey = { asset: number } | { code: string };

/** The line of the key, made when there is none yet; another device may make it at the same moment. */
export async function lineOf(ctx: TenantContext, session: SessionRow, key: LineKey): Promise<number> {
  const [column, value] = 'asset' in key ? ['asset_id', key.asset] : ['code_key', sha256(key.code)];
  const find = () =>
    ctx.db.query<{ id: number }>(`SELECT id FROM inventory_lines WHERE session_id = ? AND ${column} = ?`, [
      session.id,
      value!,
    ]);
  const [known] = await find();
  if (known) return known.id;
  const now = timestamp(ctx);
  const row = {
    tenant_id: session.tenant,
    session_id: session.id,
    [column as string]: value,
    barcode_value: 'code' in key ? key.code : await labelOf(ctx, key.asset),
    expected_qty: 0,
    counted_qty: 0,
    variance_qty: 0,
    created_at: now,
    updated_at: now,
  };
  const { build } = ctx.db;
  await ctx.db.run(
    build('inventory_lines')
      .insert(row)
      .onConflict(['session_id', column as string])
      .ignore(),
  );
  return (await find())[0]!.id;
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
