/** The rules of assets. Whatever changes one goes through `write`, which keeps its history. */
import { Conflict, Invalid, NotFound } from '../../base/errors.ts';
import { type Context, type TenantContext, timestamp } from '../../db/context.ts';
import { type Fields, patchOf } from '../../resource/define.ts';
import { parse } from '../../resource/parse.ts';
import { checkReferences, checkTree } from '../../resource/references.ts';
import { guarded, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import * as forms from '../forms/service.ts';
import * as history from '../history/service.ts';
import * as upkeep from '../maintenance/service.ts';
import * as outbox from '../outbox/service.ts';
import { type AssetRow, assetCodes, assets, statuses } from './resource.ts';

export const served = serve(assets, {
  create,
  update: (ctx, asset, changes) => update(ctx, asset, changes),
  remove,
});

/** What a history record adds to the fields that changed. */
export interface Circumstance {
  event_type?: history.EventType;
  note?: string | undefined;
  gps_latitude?: string | null | undefined;
  gps_longitude?: string | null | undefined;
  /** Write a record although no field changed: the act itself is worth one. */
  always?: boolean;
  /** Of a change that was made offline. */
  sync?: OfflineOrigin;
  /** Fields that were set to what they are: a new version and a record all the same. */
  confirmed?: Record<string, unknown>;
}

/** When an offline change counts as made, and on which device. */
export interface OfflineOrigin {
  captured_at: string;
  /** Breaks the tie with the version that it was made over. */
  step: 0 | 1;
  device: string;
  /** What the device's clock said. */
  claimed: string;
}

type Changes = Partial<Omit<AssetRow, 'id' | 'tenant' | 'created_at' | 'updated_at'>>;

async function create(ctx: TenantContext, values: Fields<typeof assets>): Promise<AssetRow> {
  checkStatus(ctx, values.status);
  await forms.enforce(ctx, 'asset', values.custom_fields, 'custom_fields');
  const retired_at = values.retired_at ?? (values.status === 'retired' ? timestamp(ctx) : null);
  const asset = await store.insert(ctx, assets, {
    ...values,
    retired_at,
    checked_out_at: null,
    expected_return_at: null,
  });
  history.append(ctx, {
    asset: asset.id,
    event_type: 'create',
    previous_state: {},
    new_state: stateOf(asset),
    location: asset.current_location,
    at: asset.updated_at,
  });
  tell(ctx, 'asset.created', asset);
  return asset;
}

async function update(
  ctx: TenantContext,
  asset: AssetRow,
  changes: Partial<Fields<typeof assets>>,
  circumstance: Circumstance = {},
): Promise<AssetRow> {
  if (changes.status !== undefined && changes.status !== asset.status) checkStatus(ctx, changes.status);
  // An asset that is older than a form can still be changed elsewhere.
  if (changes.custom_fields !== undefined) await forms.enforce(ctx, 'asset', changes.custom_fields, 'custom_fields');
  return write(ctx, asset, { ...changes, ...consequences(ctx, asset, changes) }, circumstance);
}

/** PATCH in the caller's transaction, over an asset that it has locked, with what its record adds. */
export async function edit(
  ctx: TenantContext,
  asset: AssetRow,
  body: Record<string, unknown>,
  circumstance: Circumstance,
): Promise<AssetRow> {
  const changes = parse(patchOf(assets.fields, body), body) as Partial<Fields<typeof assets>>;
  await checkReferences(ctx, assets, changes);
  await checkTree(ctx, assets, asset.id, changes);
  return update(ctx, asset, changes, circumstance);
}

/** Stores what differs and its history record, in the caller's transaction; answers the row as it now is. */
export async function write(
  ctx: TenantContext,
  asset: AssetRow,
  changes: Changes,
  circumstance: Circumstance = {},
): Promise<AssetRow> {
  const changed = differences(asset, changes);
  const recorded = { ...circumstance.confirmed, ...changed };
  if (Object.keys(recorded).length === 0 && !circumstance.always) return asset;
  const written = await store.update(ctx, assets, asset, changed);
  const previous = Object.fromEntries(Object.keys(recorded).map((field) => [field, asset[field as keyof AssetRow]]));
  history.append(ctx, {
    asset: asset.id,
    event_type: circumstance.event_type ?? eventTypeOf(changed),
    previous_state: previous,
    new_state: {
      ...recorded,
      ...(circumstance.note && { note: circumstance.note }),
      ...(circumstance.sync && { sync: circumstance.sync }),
    },
    at: written.updated_at,
    location: written.current_location,
    gps_latitude: circumstance.gps_latitude ?? null,
    gps_longitude: circumstance.gps_longitude ?? null,
  });
  tellChanges(ctx, asset, written, Object.keys(changed) as (keyof AssetRow)[]);
  return written;
}

const tell = (ctx: TenantContext, name: outbox.EventName, asset: AssetRow, changes?: outbox.Happening['changes']) =>
  outbox.append(ctx, { name, entity: assets.entity, entity_id: asset.id, data: asset, ...(changes && { changes }) });

/** Fields whose change is an event of its own, beside that of any change. */
const telling = {
  status: 'asset.status_changed',
  current_location: 'asset.moved',
  assigned_to: 'asset.assigned',
} as const;

function tellChanges(ctx: TenantContext, before: AssetRow, after: AssetRow, fields: (keyof AssetRow)[]): void {
  if (fields.length === 0) return;
  const changes = Object.fromEntries(
    fields.map((field) => [field, [before[field], after[field]] as [unknown, unknown]]),
  );
  tell(ctx, 'asset.updated', after, changes);
  for (const field of fields)
    if (field in telling) tell(ctx, telling[field as keyof typeof telling], after, { [field]: changes[field]! });
}

/** Scans, workflow runs and children stay, without the asset; its codes are free again; plans and records of its upkeep go; its history outlives it. */
async function remove(ctx: TenantContext, asset: AssetRow): Promise<void> {
  history.append(ctx, { asset: asset.id, event_type: 'delete', previous_state: stateOf(asset), new_state: {} });
  await ctx.db.execute('UPDATE scan_events SET asset_id = NULL WHERE asset_id = ?', [asset.id]);
  const codes = await ctx.db.query<{ id: number }>('SELECT id FROM asset_codes WHERE asset_id = ?', [asset.id]);
  for (const { id } of codes) await store.remove(ctx, assetCodes, id);
  await upkeep.forget(ctx, asset.id);
  const children = await ctx.db.query<{ id: number }>('SELECT id FROM assets WHERE parent_asset_id = ?', [asset.id]);
  for (const { id } of children) await write(ctx, await store.get(ctx, assets, id, true), { parent_asset: null });
  await store.remove(ctx, assets, asset.id);
  tell(ctx, 'asset.deleted', asset);
}

/** The asset of a tag; NotFound when the tenant has none. */
export const byTag = (ctx: Context, tag: string): Promise<AssetRow> =>
  guarded(ctx, 'assets', 'view', async (inside) => {
    const asset = await store.findBy(inside, assets, 'asset_tag', tag);
    if (!asset) throw new NotFound('Asset not found.');
    return asset;
  });

/** The asset for a change, locked until the transaction ends; NotFound or Forbidden as for any row. */
export const forChange = (ctx: TenantContext, id: number): Promise<AssetRow> => store.get(ctx, assets, id, true);

/** A scan touched the asset: a record, and nothing else of the asset changes. */
export const recordScan = (
  ctx: TenantContext,
  asset: AssetRow,
  happening: Omit<history.Happening, 'asset' | 'event_type' | 'previous_state'>,
) => history.append(ctx, { asset: asset.id, event_type: 'scan', previous_state: {}, ...happening });

/** The built-in statuses and those that the tenant's settings add as `asset_statuses`. */
export function statusesOf(ctx: TenantContext): string[] {
  const own = ctx.tenant.settings.asset_statuses;
  return [...statuses, ...(Array.isArray(own) ? own.filter((status) => typeof status === 'string') : [])];
}

function checkStatus(ctx: TenantContext, status: string): void {
  const allowed = statusesOf(ctx);
  if (!allowed.includes(status))
    throw new Invalid({ status: [`"${status}" is not a valid choice. Choose one of: ${allowed.join(', ')}.`] });
}

/** What a change of status or holder brings with it. */
function consequences(ctx: TenantContext, asset: AssetRow, changes: Changes): Changes {
  const result: Changes = {};
  const status = changes.status ?? asset.status;
  if (status !== asset.status && changes.retired_at === undefined)
    result.retired_at = status === 'retired' ? timestamp(ctx) : null;
  if (changes.assigned_to === null) Object.assign(result, { checked_out_at: null, expected_return_at: null });
  return result;
}

function differences(asset: AssetRow, changes: Changes): Changes {
  const differing = Object.entries(changes).filter(
    ([field, value]) => JSON.stringify(value) !== JSON.stringify(asset[field as keyof AssetRow]),
  );
  return Object.fromEntries(differing);
}

function eventTypeOf(changed: Changes): history.EventType {
  if (changed.status === 'retired') return 'retire';
  if ('assigned_to' in changed) return 'assign';
  if ('current_location' in changed) return 'move';
  return changed.status === 'in_maintenance' ? 'maintain' : 'update';
}

/** The fields of an asset as history keeps them. */
function stateOf({ id, tenant, created_at, updated_at, ...state }: AssetRow): Record<string, unknown> {
  return state;
}

/** Conflict when the asset is in a state that nobody can hold or move it in. */
export function checkUsable(asset: AssetRow, act: string): void {
  if (asset.status === 'retired' || asset.status === 'lost')
    throw new Conflict(`This asset is ${asset.status}, so it cannot be ${act}. Change its status first.`);
}
