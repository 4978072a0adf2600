/** An asset by the text on its label: registered code, then tag, then barcode value. */
import type { TenantContext } from '../../db/context.ts';
import type { Row } from '../../db/database.ts';
import { listOf } from '../../db/lists.ts';
import * as store from '../../resource/store.ts';
import { type AssetRow, assetCodes, assets } from './resource.ts';

// Ids are united and not rows: MariaDB and MySQL keep a union with text columns in a table on disk.
const selection = assets.columns.map(({ column }) => `a.${column}`).join(', ');
const united = (test: string) =>
  `SELECT asset_id AS id, code AS text, 1 AS preference FROM asset_codes WHERE tenant_id = ? AND code ${test} AND status = 'active' ` +
  `UNION ALL SELECT id, asset_tag, 2 FROM assets WHERE tenant_id = ? AND asset_tag ${test} ` +
  `UNION ALL SELECT id, barcode_value, 3 FROM assets WHERE tenant_id = ? AND barcode_value ${test}`;
const anyOf = (marks: string) =>
  `SELECT ${selection}, f.text, f.preference FROM (${united(`IN ${marks}`)}) f JOIN assets a ON a.id = f.id`;
const found = `SELECT ${selection} FROM (${united('= ?')} ORDER BY preference, id LIMIT 1) f JOIN assets a ON a.id = f.id`;

/** One statement, since this is what every scan waits for. */
export async function byCode(ctx: TenantContext, text: string): Promise<AssetRow | undefined> {
  if (text === '') return undefined;
  const { id } = ctx.tenant;
  const rows = await ctx.db.query(found, [id, text, id, text, id, text]);
  return rows[0] && store.decode(assets, rows[0]);
}

/**
 * The same for many texts, by text. One that ends in blanks is not asked for: MySQL compares without them, and the answer
 * could not be told to whom it belongs.
 */
export async function byCodes(
  ctx: TenantContext,
  texts: readonly string[],
): Promise<Map<string, AssetRow | undefined>> {
  const asked = texts.filter((text) => text === text.trimEnd() && text !== '');
  const known = new Map<string, AssetRow | undefined>(asked.map((text) => [text, undefined]));
  if (asked.length === 0) return known;
  const { id } = ctx.tenant;
  const { marks, params } = listOf(asked);
  const rows = await ctx.db.query<Found>(anyOf(marks), [id, ...params, id, ...params, id, ...params]);
  // The likeliest come last, and stay. Ordered here: the database would copy whole rows to do it.
  rows.sort((one, two) => two.preference - one.preference || two.id - one.id);
  for (const row of rows) known.set(row.text, store.decode(assets, row));
  return known;
}

type Found = Row & { id: number; text: string; preference: number };

/** Which of these texts are printed codes that no asset has claimed. */
export async function unclaimedOf(ctx: TenantContext, texts: readonly string[]): Promise<Set<string>> {
  const codes = await store.allWith(ctx, assetCodes, 'code', texts);
  return new Set(codes.filter(({ status }) => status === 'unclaimed').map(({ code }) => code));
}

/** The tenant's asset with this identity. */
export async function byId(ctx: TenantContext, id: number): Promise<AssetRow | undefined> {
  const asset = await store.find(ctx, assets, id);
  return asset?.tenant === ctx.tenant.id ? asset : undefined;
}

/** Those of the tenant's assets, at most 500; in the order of their ids when they are locked. */
export async function byIds(ctx: TenantContext, ids: readonly number[], lock = false): Promise<Map<number, AssetRow>> {
  if (ids.length === 0) return new Map();
  const tail = lock ? ctx.db.forUpdate : '';
  const { marks, params } = listOf(ids);
  const sql = `SELECT ${assets.selection} FROM assets WHERE tenant_id = ? AND id IN ${marks} ORDER BY id${tail}`;
  const rows = await ctx.db.query(sql, [ctx.tenant.id, ...params]);
  return new Map(rows.map((row) => [row.id as number, store.decode(assets, row)]));
}

/** Whether the text is a printed code that no asset has claimed. */
export async function isUnclaimed(ctx: TenantContext, text: string): Promise<boolean> {
  const code = await store.findBy(ctx, assetCodes, 'code', text);
  return code?.status === 'unclaimed';
}
