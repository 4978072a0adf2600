/** The rules of a scan: how it is read, when it is the same as an earlier one, what is stored of it. */
import { Conflict, Invalid } from '../../base/errors.ts';
import { newUuid } from '../../base/ids.ts';
import { type TenantContext, timestamp } from '../../db/context.ts';
import type { Fields } from '../../resource/define.ts';
import { parse } from '../../resource/parse.ts';
import { checkReferences, type Exists, isThere } from '../../resource/references.ts';
import * as store from '../../resource/store.ts';
import * as assets from '../assets/service.ts';
import * as barcodes from '../barcodes/service.ts';
import * as forms from '../forms/service.ts';
import * as history from '../history/service.ts';
import * as outbox from '../outbox/service.ts';
import { assetNamed, type Finder } from '../resolve/service.ts';
import { type ScanRow, scanEvents } from './resource.ts';

export interface ScanInput extends Fields<typeof scanEvents> {
  client_event_id: string;
  /** The client made the id, so the event may come again. */
  given: boolean;
}

/** What the rules ask the database, one by one or, for many scans, before they begin. */
export interface Lookups {
  exists: Exists;
  byCode: Finder;
  byId(ctx: TenantContext, id: number): Promise<assets.AssetRow | undefined>;
  /** False when the text is surely no printed code that waits for its asset. */
  mayClaim(text: string): boolean;
}

export const direct: Lookups = { exists: isThere, byCode: assets.byCode, byId: assets.byId, mayClaim: () => true };

/** What is to be stored, and the asset whose history it belongs to. */
export interface Prepared {
  values: Omit<ScanRow, 'id' | 'tenant' | 'created_at' | 'updated_at'>;
  asset: assets.AssetRow | undefined;
}

export function inputOf(body: unknown): ScanInput {
  const { captured_at, ...rest } = (body ?? {}) as Record<string, unknown>;
  const aliased = captured_at !== undefined && (rest.offline_captured_at ?? undefined) === undefined;
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  const fields = parse(scanEvents.fields, isObject && aliased ? { ...rest, offline_captured_at: captured_at } : body);
  return {
    ...fields,
    client_event_id: fields.client_event_id ?? newUuid(),
    given: fields.client_event_id !== undefined,
  };
}

/** Conflict when the id was used for another scan: another value, or one that was captured at another time. */
export function checkSame(known: Captured, input: Captured): void {
  const [one, other] = [known.offline_captured_at, input.offline_captured_at];
  if (known.raw_value === input.raw_value && (one === null || other === null || one === other)) return;
  throw new Conflict('This client_event_id was used for another scan. Make a new UUID for each scan.');
}

type Captured = Pick<ScanRow, 'raw_value' | 'offline_captured_at'>;

/** Validates the code and finds its asset; changes nothing but a printed code that is claimed. */
export async function prepare(ctx: TenantContext, scan: ScanInput, lookups = direct): Promise<Prepared> {
  const { given, ...input } = await referenced(ctx, scan, lookups);
  const { errors: ofCode, decoded } = barcodes.validate(input);
  const errors = [...ofCode, ...(await formErrors(ctx, input))];
  const asset = await assetOf(ctx, input, lookups);
  const values = {
    ...input,
    // The AIM identifier has told what the client did not know.
    symbology: input.symbology === 'unknown' ? decoded.symbology : input.symbology,
    asset: asset?.id ?? null,
    scanner: ctx.actor.kind === 'user' ? ctx.actor.id : null,
    scanner_label: ctx.actor.label,
    decoded_payload: { ...decoded },
    synced_at: input.offline_captured_at ? timestamp(ctx) : null,
    status: errors.length === 0 ? ('validated' as const) : ('rejected' as const),
    validation_errors: errors,
  };
  return { values, asset };
}

/** A scan that does not fit a form is kept, as one that breaks the rules of its symbology is: nobody can scan it again. */
async function formErrors(ctx: TenantContext, input: Omit<ScanInput, 'given'>): Promise<string[]> {
  const unmet = await forms.unmet(ctx, 'scan_event', input);
  return Object.entries(unmet).flatMap(([field, messages]) => messages.map((message) => `${field}: ${message}`));
}

/** Its references are of the tenant. Captured of an asset that is deleted since, it counts by its code alone: it was made in good faith. */
async function referenced(ctx: TenantContext, scan: ScanInput, lookups: Lookups): Promise<ScanInput> {
  try {
    await checkReferences(ctx, scanEvents, { ...scan }, lookups.exists);
    return scan;
  } catch (error) {
    const faulty = error instanceof Invalid ? Object.keys(error.fields!).join() : undefined;
    const late = faulty === 'asset' && scan.offline_captured_at !== null;
    if (!late || !(await history.knows(ctx, scan.asset!))) throw error;
    return { ...scan, asset: null };
  }
}

/** The asset that was named, which claims a printed code that waits for one; else the one that the code names. */
async function assetOf(
  ctx: TenantContext,
  input: Omit<ScanInput, 'given'>,
  lookups: Lookups,
): Promise<assets.AssetRow | undefined> {
  if (input.asset === null) return assetNamed(ctx, input.raw_value, lookups.byCode);
  const { text } = barcodes.candidates(input.raw_value);
  if (lookups.mayClaim(text)) await assets.claimCode(ctx, input.asset, text);
  return lookups.byId(ctx, input.asset);
}

/** What a stored scan leaves behind: its event, and its record in the history of its asset. */
export function remember(ctx: TenantContext, scan: ScanRow, asset: assets.AssetRow | undefined): void {
  const name = scan.status === 'rejected' ? 'scan.rejected' : 'scan.created';
  outbox.append(ctx, { name, entity: scanEvents.entity, entity_id: scan.id, data: scan });
  if (!asset) return;
  assets.recordScan(ctx, asset, {
    new_state: { scan_event: scan.id, raw_value: scan.raw_value, status: scan.status },
    location: scan.location,
    gps_latitude: scan.gps_latitude,
    gps_longitude: scan.gps_longitude,
  });
}

/** Stores the scan once, within the caller's transaction. */
export async function recordOnce(ctx: TenantContext, input: ScanInput): Promise<{ scan: ScanRow; repeated: boolean }> {
  const known = await earlier(ctx, input);
  if (known) return { scan: known, repeated: true };
  const { values, asset } = await prepare(ctx, input);
  const scan = await store.insert(ctx, scanEvents, values);
  remember(ctx, scan, asset);
  return { scan, repeated: false };
}

/** The scan that the id named before; Conflict when that was another one. */
export async function earlier(ctx: TenantContext, input: ScanInput): Promise<ScanRow | undefined> {
  if (!input.given) return undefined;
  const known = await store.findBy(ctx, scanEvents, 'client_event_id', input.client_event_id);
  if (known) checkSame(known, input);
  return known;
}
