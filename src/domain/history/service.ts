/** The one place that writes history. A record is hashed over its canonical body, so that a later edit shows. */
import canonicalize from 'canonicalize';
import { sha256 } from '../../base/ids.ts';
import { type TenantContext, timestamp } from '../../db/context.ts';
import * as changes from '../../queue/changes.ts';
import type { RowOf } from '../../resource/define.ts';
import { list, type Page, parseListQuery, type QueryText } from '../../resource/pages.ts';
import { assetStateHistory, type eventTypes } from './resource.ts';

export { assetStateHistory as resource, eventTypes } from './resource.ts';

export type EventType = (typeof eventTypes)[number];
export type HistoryRow = RowOf<typeof assetStateHistory>;

export interface Happening {
  asset: number;
  event_type: EventType;
  /** Changed fields before and after; everything on create and delete. */
  previous_state: Record<string, unknown>;
  new_state: Record<string, unknown>;
  location?: number | null;
  gps_latitude?: string | null;
  gps_longitude?: string | null;
  /** When, if not now: a change of a row has the time of the row's new version. */
  at?: string;
}

/** Adds one record to the caller's transaction, written just before its commit and sealed. Its checksum is SHA-256 over the RFC 8785 body that is stored. */
export function append(ctx: TenantContext, happening: Happening): void {
  const at = happening.at ?? timestamp(ctx);
  const record = {
    tenant: ctx.tenant.id,
    asset: happening.asset,
    event_type: happening.event_type,
    actor: ctx.actor.kind === 'user' ? ctx.actor.id : null,
    actor_label: ctx.actor.label,
    location: happening.location ?? null,
    gps_latitude: happening.gps_latitude ?? null,
    gps_longitude: happening.gps_longitude ?? null,
    previous_state: happening.previous_state,
    new_state: happening.new_state,
    created_at: at,
  };
  const body = canonicalize(record)!;
  const checksum = sha256(body);
  changes.appendRecord(ctx, {
    tenant_id: record.tenant,
    asset_id: record.asset,
    event_type: record.event_type,
    actor_id: record.actor,
    actor_label: record.actor_label,
    location_id: record.location,
    gps_latitude: record.gps_latitude,
    gps_longitude: record.gps_longitude,
    previous_state: canonicalize(record.previous_state)!,
    new_state: canonicalize(record.new_state)!,
    body,
    checksum,
    created_at: at,
    updated_at: at,
  });
}

/** Whether the tenant has, or had, an asset of that id. */
export async function knows(ctx: TenantContext, asset: number): Promise<boolean> {
  const sql = 'SELECT id FROM asset_state_history WHERE tenant_id = ? AND asset_id = ? LIMIT 1';
  return (await ctx.db.query(sql, [ctx.tenant.id, asset])).length > 0;
}

/** What tells that somebody has handed an asset over or put it elsewhere; corrections of a stock-take and others do so beside their purpose. */
const custody =
  "(event_type IN ('assign', 'move') OR (event_type <> 'create' AND " +
  `(new_state LIKE '%"assigned_to":%' OR new_state LIKE '%"current_location":%')))`;

/** The newest such record after the moment that somebody else than the actor caused. */
export async function custodyByOthers(
  ctx: TenantContext,
  asset: number,
  after: string,
): Promise<Pick<HistoryRow, 'actor_label' | 'created_at'> | undefined> {
  const sql =
    `SELECT actor_label, created_at FROM asset_state_history WHERE tenant_id = ? AND asset_id = ? AND ${custody} ` +
    'AND created_at > ? AND actor_label <> ? ORDER BY id DESC LIMIT 1';
  const params = [ctx.tenant.id, asset, after, ctx.actor.label];
  return (await ctx.db.query<Pick<HistoryRow, 'actor_label' | 'created_at'>>(sql, params))[0];
}

/** The records of one asset, newest first unless the query says otherwise. */
export async function ofAsset(ctx: TenantContext, asset: number, query: QueryText): Promise<Page<HistoryRow>> {
  await changes.catchUp(ctx);
  return list(ctx, assetStateHistory, parseListQuery(assetStateHistory, query), [{ column: 'asset_id', value: asset }]);
}
