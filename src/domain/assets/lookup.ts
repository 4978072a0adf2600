/** An asset by the text on its label: registered code, then tag, then barcode value. */
import type { TenantContext } from '../../db/context.ts';
import type { Row } from '../../db/database.ts';
import { listOf } from '../../db/lists.ts';
import * as store from '../../resource/store.ts';
import { type AssetRow, assetCodes, assets } from './resource.ts';

const selection = assets.columns.map(({ column }) => `a.${column}`).join(', ');
const anyOf = (marks: string) =>
  `SELECT ${selection}, c.code AS text, 1 AS preference FROM asset_codes c JOIN assets a ON a.id = c.asset_id ` +
  `WHERE c.tenant_id = ? AND c.code IN ${marks} AND c.status = 'active' UNION ALL ` +
  `SELECT ${selection}, a.asset_tag, 2 FROM assets a WHERE a.tenant_id = ? AND a.asset_tag IN ${marks} UNION ALL ` +
  `SELECT ${selection}, a.barcode_value, 3 FROM assets a WHERE a.tenant_id = ? AND a.barcode_value IN ${marks} ` +
  'ORDER BY preference DESC, id DESC';
const found =
  `SELECT ${selection}, 1 AS preference FROM asset_codes c JOIN assets a ON a.id = c.asset_id ` +
  "WHERE c.tenant_id = ? AND c.code = ? AND c.status = 'active' UNION ALL " +
  `SELECT ${selection}, 2 FROM assets a WHERE a.tenant_id = ? AND a.asset_tag = ? UNION ALL ` +
  `SELECT ${selection}, 3 FROM assets a WHERE a.tenant_id = ? AND a.barcode_value = ? ` +
  'ORDER BY preference, id LIMIT 1';

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
  const rows = await ctx.db.query<Row & { text: string }>(anyOf(marks), [id, ...params, id, ...params, id, ...params]);
  // The likeliest come last, and stay.
  for (const row of rows) known.set(row.text, store.decode(assets, row));
  return known;
}

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

/** Whether the text is a printed code that no asset has claimed. */
export async function isUnclaimed(ctx: TenantContext, text: string): Promise<boolean> {
  const code = await store.findBy(ctx, assetCodes, 'code', text);
  return code?.status === 'unclaimed';
}
