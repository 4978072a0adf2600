/** "What is this string?": one answer for API, kiosk, scanner and command line alike. */
import { NotFound } from '../../base/errors.ts';
import type { Context, TenantContext } from '../../db/context.ts';
import { guarded } from '../../resource/serve.ts';
import * as assets from '../assets/service.ts';
import * as barcodes from '../barcodes/service.ts';
import * as locations from '../locations/service.ts';
import { type Command, commandOf } from './commands.ts';
import { targetOf } from './urls.ts';

export { type Command, commands } from './commands.ts';
export { rememberUrl } from './urls.ts';

export type Meaning =
  | { kind: 'asset'; asset: assets.AssetRow }
  | { kind: 'location'; location: locations.LocationRow }
  | { kind: 'command'; command: Command }
  | { kind: 'unclaimed'; code: string }
  | { kind: 'unknown' };

/**
 * In this order: a code registered to an asset, asset tag, barcode value, label URL, GS1 element string, location code,
 * kiosk command, printed code that waits for its asset.
 */
export async function resolve(ctx: TenantContext, raw: string): Promise<Meaning> {
  const asset = await assetNamed(ctx, raw);
  return asset ? { kind: 'asset', asset } : elsewhere(ctx, raw);
}

/** How an asset is found by the exact text of a code; whoever resolves many texts has asked for all at once. */
export type Finder = (ctx: TenantContext, text: string) => Promise<assets.AssetRow | undefined>;

/** The asset that the text names, if it names one. */
export async function assetNamed(
  ctx: TenantContext,
  raw: string,
  find: Finder = assets.byCode,
): Promise<assets.AssetRow | undefined> {
  const asset = await find(ctx, raw);
  if (asset) return asset;
  const { text, lookups } = barcodes.candidates(raw);
  return (await byUrl(ctx, text)) ?? firstAsset(ctx, [text, ...lookups], raw, find);
}

/** The asset of a scanned text; NotFound when it names none. */
export const assetOf = (ctx: Context, barcode: string): Promise<assets.AssetRow> =>
  guarded(ctx, 'assets', 'view', async (inside) => {
    const meaning = await resolve(inside, barcode);
    if (meaning.kind === 'asset') return meaning.asset;
    throw new NotFound(descriptions[meaning.kind]);
  });

const descriptions: Record<Exclude<Meaning['kind'], 'asset'>, string> = {
  location: 'Asset not found. This code names a location.',
  command: 'Asset not found. This is a command code of a kiosk.',
  unclaimed: 'Asset not found. This label is printed but not yet claimed for an asset.',
  unknown: 'Asset not found.',
};

async function byUrl(ctx: TenantContext, text: string): Promise<assets.AssetRow | undefined> {
  const target = await targetOf(ctx, text);
  if (target?.id !== undefined) return assets.byId(ctx, target.id);
  return target?.text === undefined ? undefined : assets.byCode(ctx, target.text);
}

async function firstAsset(
  ctx: TenantContext,
  texts: string[],
  tried: string,
  find: Finder,
): Promise<assets.AssetRow | undefined> {
  for (const text of new Set(texts)) {
    const asset = text === tried ? undefined : await find(ctx, text);
    if (asset) return asset;
  }
  return undefined;
}

export type PlaceOrCommand = Extract<Meaning, { kind: 'location' | 'command' }>;

/** What a code says to a scanner besides the asset that it names: of one that is known to name none. */
export async function placeOrCommand(ctx: TenantContext, raw: string): Promise<PlaceOrCommand | undefined> {
  const { text, lookups } = barcodes.candidates(raw);
  for (const code of new Set([text, ...lookups])) {
    const location = await locations.byCode(ctx, code);
    if (location) return { kind: 'location', location };
  }
  const command = commandOf(text);
  return command && { kind: 'command', command };
}

async function elsewhere(ctx: TenantContext, raw: string): Promise<Meaning> {
  const found = await placeOrCommand(ctx, raw);
  if (found) return found;
  const { text, lookups } = barcodes.candidates(raw);
  for (const code of new Set([text, ...lookups]))
    if (await assets.isUnclaimed(ctx, code)) return { kind: 'unclaimed', code };
  return { kind: 'unknown' };
}
