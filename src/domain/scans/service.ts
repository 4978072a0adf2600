/** A scan, from wherever it came: validated, resolved to its asset, stored with its history record, even if rejected. */
import { Conflict } from '../../base/errors.ts';
import { newUuid } from '../../base/ids.ts';
import { metrics } from '../../base/metrics.ts';
import { type Context, type TenantContext, timestamp } from '../../db/context.ts';
import type { Fields } from '../../resource/define.ts';
import { parse } from '../../resource/parse.ts';
import { checkReferences } from '../../resource/references.ts';
import { guarded, Reply, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import * as assets from '../assets/service.ts';
import * as barcodes from '../barcodes/service.ts';
import * as forms from '../forms/service.ts';
import { resolve } from '../resolve/service.ts';
import { type ScanRow, scanEvents } from './resource.ts';

export type { ScanRow } from './resource.ts';

interface ScanInput extends Fields<typeof scanEvents> {
  client_event_id: string;
  /** The client made the id, so the event may come again. */
  given: boolean;
}

export const served = serve(scanEvents, {}, ['list', 'get', 'create']);
served.create = async (ctx, body) => (await record(ctx, body)).scan;

/** The same `client_event_id` again answers 200 with the scan that is already there. */
const create = served.operations.find(({ method }) => method === 'POST')!;
create.alsoAnswers = { status: 200, about: 'The scan that this client_event_id already named' };
create.run = async (ctx, input) => {
  const { scan, repeated } = await record(ctx, input.body);
  return repeated ? new Reply(200, scan) : scan;
};

/** Stores the scan once. Conflict when its client_event_id was used for another value. */
export async function record(ctx: Context, body: unknown): Promise<{ scan: ScanRow; repeated: boolean }> {
  const input = inputOf(body);
  try {
    const recorded = await guarded(ctx, 'assets', 'create', async (inside) => {
      const known = await earlier(inside, input);
      return known ? { scan: known, repeated: true } : { scan: await write(inside, input), repeated: false };
    });
    const { source_type, status } = recorded.scan;
    if (!recorded.repeated) metrics.scans.inc({ source_type, status });
    return recorded;
  } catch (error) {
    // Two requests brought one event at once: the other's transaction won. Within a larger transaction nothing can be asked
    // any more: PostgreSQL has given it up.
    const askable = error instanceof Conflict && ctx.tenant && !ctx.db.inTransaction;
    const known = askable ? await earlier(ctx as TenantContext, input) : undefined;
    if (known) return { scan: known, repeated: true };
    throw error;
  }
}

function inputOf(body: unknown): ScanInput {
  const { captured_at, ...rest } = (body ?? {}) as Record<string, unknown>;
  const aliased = captured_at !== undefined && rest.offline_captured_at === undefined;
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  const fields = parse(scanEvents.fields, isObject && aliased ? { ...rest, offline_captured_at: captured_at } : body);
  return {
    ...fields,
    client_event_id: fields.client_event_id ?? newUuid(),
    given: fields.client_event_id !== undefined,
  };
}

async function earlier(ctx: TenantContext, input: ScanInput): Promise<ScanRow | undefined> {
  if (!input.given) return undefined;
  const known = await store.findBy(ctx, scanEvents, 'client_event_id', input.client_event_id);
  if (known && known.raw_value !== input.raw_value)
    throw new Conflict('This client_event_id was used for another scan. Make a new UUID for each scan.');
  return known;
}

async function write(ctx: TenantContext, { given, ...input }: ScanInput): Promise<ScanRow> {
  await checkReferences(ctx, scanEvents, input);
  await forms.enforce(ctx, 'scan_event', input);
  const { valid, errors, decoded } = barcodes.validate(input);
  const asset = await assetOf(ctx, input);
  const scan = await store.insert(ctx, scanEvents, {
    ...input,
    // The AIM identifier has told what the client did not know.
    symbology: input.symbology === 'unknown' ? decoded.symbology : input.symbology,
    asset: asset?.id ?? null,
    scanner: ctx.actor.kind === 'user' ? ctx.actor.id : null,
    scanner_label: ctx.actor.label,
    decoded_payload: { ...decoded },
    synced_at: input.offline_captured_at ? timestamp(ctx) : null,
    status: valid ? 'validated' : 'rejected',
    validation_errors: errors,
  });
  if (asset) assets.recordScan(ctx, asset, happeningOf(scan));
  return scan;
}

/** The asset that was named, which claims a printed code that waits for one; else the one that the code names. */
async function assetOf(ctx: TenantContext, input: Omit<ScanInput, 'given'>): Promise<assets.AssetRow | undefined> {
  if (input.asset === null) {
    const meaning = await resolve(ctx, input.raw_value);
    return meaning.kind === 'asset' ? meaning.asset : undefined;
  }
  await assets.claimCode(ctx, input.asset, barcodes.candidates(input.raw_value).text);
  return assets.byId(ctx, input.asset);
}

const happeningOf = (scan: ScanRow) => ({
  new_state: { scan_event: scan.id, raw_value: scan.raw_value, status: scan.status },
  location: scan.location,
  gps_latitude: scan.gps_latitude,
  gps_longitude: scan.gps_longitude,
});
