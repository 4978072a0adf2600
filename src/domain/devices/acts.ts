/** What a mode does with a scanned asset. In the caller's transaction, beside the scan itself. */
import { isRefusal } from '../../base/errors.ts';
import type { TenantContext } from '../../db/context.ts';
import * as assets from '../assets/service.ts';
import * as history from '../history/service.ts';
import type { ScanRow } from '../scans/service.ts';
import * as stocktake from '../stocktake/service.ts';
import type { ModeState } from './modes.ts';
import type { Outcome } from './resource.ts';

export interface Deed {
  outcome: Outcome;
  message: string;
}

export interface Site {
  /** Where the device stands. */
  location: number | null;
  /** The stock-take session that was named for it. */
  session: number | null;
}

/** Done, or refused with its reason: then nothing but the scan is kept. Throws only what another attempt may cure. */
export async function act(ctx: TenantContext, scan: ScanRow, state: ModeState, site: Site): Promise<Deed> {
  if (state.mode === 'record') return record(ctx, scan);
  try {
    const overtaken = await overtakenBy(ctx, scan, state);
    return overtaken ? refused(overtaken) : await ctx.db.savepoint(() => deeds[state.mode](ctx, scan, state, site));
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return refused(error.message);
  }
}

/** A scan that is older by so much was kept while the server was away, in ms. */
const late = 60_000;

/** Of a scan that comes late: what somebody else has done with the asset since it was made; that is newer, and stays. */
async function overtakenBy(ctx: TenantContext, scan: ScanRow, { mode }: ModeState): Promise<string | undefined> {
  const { asset, offline_captured_at: made } = scan;
  if (asset === null || made === null || mode === 'stock_take') return undefined;
  if (ctx.now().getTime() - Date.parse(made) <= late) return undefined;
  // First: somebody may be about to commit what is newer.
  await assets.forChange(ctx, asset);
  const newer = await history.custodyByOthers(ctx, asset, made);
  if (!newer) return undefined;
  const at = newer.created_at.slice(0, 16).replace('T', ' ');
  return `Too late: ${newer.actor_label} moved or handed over this asset at ${at} UTC, after the scan was made. Look where it is. The scan is kept.`;
}

const refused = (message: string): Deed => ({ outcome: 'refused', message });
type Do = (ctx: TenantContext, scan: ScanRow, state: ModeState, site: Site) => Promise<Deed>;

const deeds: Record<ModeState['mode'], Do> = {
  record: (ctx, scan) => record(ctx, scan),
  check_out: (ctx, scan, state) => checkOut(ctx, scan, state),
  check_in: (ctx, scan, _state, site) => checkIn(ctx, scan, site),
  move_here: move,
  stock_take: (ctx, scan, _state, site) => count(ctx, scan, site),
};

const unknown: Deed = { outcome: 'unknown', message: 'No asset has this code. The scan is kept.' };
const faulty = ({ validation_errors: errors }: ScanRow): Deed => ({
  outcome: 'rejected',
  message: `${errors.join(' ')} The scan is kept.`,
});

async function record(ctx: TenantContext, scan: ScanRow): Promise<Deed> {
  if (scan.status === 'rejected') return faulty(scan);
  if (scan.asset === null) return unknown;
  return { outcome: 'recorded', message: nameOf(await assetOf(ctx, scan.asset)) };
}

/** A code that breaks its rules was misread: it may name another asset than the one that was held before the scanner. */
async function ofAsset(scan: ScanRow, work: (asset: number) => Promise<Deed>): Promise<Deed> {
  if (scan.status === 'rejected') return faulty(scan);
  return scan.asset === null ? unknown : work(scan.asset);
}

const checkOut = (ctx: TenantContext, scan: ScanRow, { member, member_name }: ModeState): Promise<Deed> =>
  ofAsset(scan, async (id) => {
    if (member === null) return refused('Scan a badge first, then what is taken.');
    const asset = await assets.checkOut(ctx, id, { assigned_to: member });
    return { outcome: 'checked_out', message: `${nameOf(asset)} is checked out to ${member_name}.` };
  });

const checkIn = (ctx: TenantContext, scan: ScanRow, { location }: Site): Promise<Deed> =>
  ofAsset(scan, async (id) => {
    const asset = await assets.checkIn(ctx, id, location === null ? {} : { current_location: location });
    return { outcome: 'checked_in', message: `${nameOf(asset)} is back.` };
  });

function move(ctx: TenantContext, scan: ScanRow, { place, place_name }: ModeState, { location }: Site): Promise<Deed> {
  return ofAsset(scan, async (id) => {
    const here = place ?? location;
    if (here === null) return refused('Scan the code of a place first: this scanner has no location of its own.');
    const asset = await assets.move(ctx, id, { current_location: here });
    return { outcome: 'moved', message: `${nameOf(asset)} is ${place === null ? 'here' : `at ${place_name}`} now.` };
  });
}

/** Unknown codes count too, as a stock-take wants to hear of them. */
async function count(ctx: TenantContext, scan: ScanRow, site: Site): Promise<Deed> {
  const session = site.session ?? (await openSession(ctx, site.location));
  if (typeof session === 'string') return refused(session);
  const { client_event_id, raw_value, offline_captured_at } = scan;
  const body = { client_event_id, raw_value, location: scan.location, offline_captured_at };
  const { results } = await stocktake.count(ctx, session, body);
  const { result } = results[0]!;
  if (result === 'location') return { outcome: 'place', message: 'This is the code of a place. It is not counted.' };
  if (result === 'late') return refused(`Stock-take ${session} is closed. Open another one. The scan is kept.`);
  if (result === 'unknown') return { ...unknown, message: 'No asset has this code. It is noted in the stock-take.' };
  const asset = scan.asset === null ? scan.raw_value : nameOf(await assetOf(ctx, scan.asset));
  return { outcome: 'counted', message: `${asset} is counted.` };
}

/** The only session that is open where the device stands, else what to do about it. */
async function openSession(ctx: TenantContext, location: number | null): Promise<number | string> {
  if (location === null) return 'Name a stock-take session for this scanner, or a location.';
  const { rows } = await stocktake.served.list(ctx, { status: 'open', location: String(location) });
  if (rows.length === 1) return rows[0]!.id;
  return rows.length === 0
    ? 'No stock-take is open here. Open one, then scan again.'
    : 'Several stock-takes are open here. Name one for this scanner, or close the others.';
}

async function assetOf(ctx: TenantContext, id: number): Promise<assets.AssetRow> {
  return (await assets.byId(ctx, id))!;
}

const nameOf = ({ asset_tag, name }: assets.AssetRow): string => `${name} (${asset_tag})`;
