/** Codes of assets: registered, claimed, revoked. A code names at most one asset of a tenant. */
import { Conflict, Invalid } from '../../base/errors.ts';
import { type Context, type TenantContext, timestamp } from '../../db/context.ts';
import * as changes from '../../queue/changes.ts';
import type { Fields } from '../../resource/define.ts';
import { list, type Page, parseListQuery, type QueryText } from '../../resource/pages.ts';
import { parse } from '../../resource/parse.ts';
import { guarded, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { type AssetCodeRow, assetCodes, assets } from './resource.ts';

/** A code as it is given to the asset of the path. */
export const NewCode = assetCodes.fields.omit({ asset: true, status: true });

type CodeFields = Fields<typeof assetCodes>;

export const servedCodes = serve(assetCodes, {
  create: (ctx, values) => store.insert(ctx, assetCodes, { ...values, ...stateOf(ctx, values, undefined) }),
  update: (ctx, row, wanted) => store.update(ctx, assetCodes, row, { ...wanted, ...stateOf(ctx, wanted, row) }),
});

/** The codes of one asset. */
export const codesOf = (ctx: Context, asset: number, query: QueryText): Promise<Page<AssetCodeRow>> =>
  guarded(ctx, 'assets', 'view', async (inside) => {
    await store.get(inside, assets, asset);
    return list(inside, assetCodes, parseListQuery(assetCodes, query), [{ column: 'asset_id', value: asset }]);
  });

/** Gives a code to an asset: a new one, or one that was printed and not yet claimed. Conflict when it is another's. */
export const registerCode = (ctx: Context, asset: number, body: unknown): Promise<AssetCodeRow> =>
  guarded(ctx, 'assets', 'change', async (inside) => {
    const row = await store.get(inside, assets, asset, true);
    const { code } = parse(NewCode, body);
    const claimed = await claimCode(inside, row.id, code);
    return claimed ?? servedCodes.create(inside, { ...(body as object), asset: row.id, status: 'active' });
  });

/** Claims a printed, unclaimed code for the asset; undefined when there is no such code to claim. */
export async function claimCode(ctx: TenantContext, asset: number, code: string): Promise<AssetCodeRow | undefined> {
  const row = await store.findBy(ctx, assetCodes, 'code', code);
  if (row?.status !== 'unclaimed') return undefined;
  const claim = { asset_id: asset, status: 'active', claimed_at: timestamp(ctx) };
  const sql =
    "UPDATE asset_codes SET asset_id = ?, status = ?, claimed_at = ?, updated_at = ? WHERE id = ? AND status = 'unclaimed'";
  const won = await ctx.db.execute(sql, [claim.asset_id, claim.status, claim.claimed_at, claim.claimed_at, row.id]);
  if (won === 0) throw new Conflict('This code was just claimed for another asset.');
  const fields = ['asset', 'status', 'claimed_at'];
  changes.append(ctx, { entity: assetCodes.entity, entity_id: row.id, op: 'update', fields });
  // The printed label shows from now on whose it is.
  await ctx.db.execute('UPDATE barcode_labels SET asset_id = ? WHERE tenant_id = ? AND code_value = ?', [
    asset,
    ctx.tenant.id,
    code,
  ]);
  return { ...row, asset, status: 'active', claimed_at: claim.claimed_at, updated_at: claim.claimed_at };
}

/** Status and its times, as asset and wish have them. */
function stateOf(
  ctx: TenantContext,
  wanted: Partial<CodeFields>,
  row: AssetCodeRow | undefined,
): Partial<AssetCodeRow> {
  const asset = wanted.asset === undefined ? (row?.asset ?? null) : wanted.asset;
  const kept = row?.status === 'revoked' ? 'revoked' : undefined;
  const status = wanted.status ?? kept ?? (asset === null ? 'unclaimed' : 'active');
  if (status === 'active' && asset === null) throw new Invalid({ asset: ['An active code needs its asset.'] });
  if (status === 'unclaimed' && asset !== null)
    throw new Invalid({ status: ['A code with an asset is active or revoked.'] });
  const now = timestamp(ctx);
  return {
    status,
    claimed_at: asset === null ? null : asset === row?.asset ? (row.claimed_at ?? now) : now,
    revoked_at: status === 'revoked' ? (row?.revoked_at ?? now) : null,
  };
}
