/** The rows that the ceiling writes and the answers it sends: the daemon's own, spelt out by hand. */
import { randomUUID } from 'node:crypto';
import type { Row } from './bare-drivers.ts';

export interface ScanBody {
  symbology: string;
  raw_value: string;
  source_type: string;
}

export interface AssetBody {
  asset_tag: string;
  name: string;
  barcode_value: string;
  custom_fields: object;
}

export function scanRow(tenantId: number, userId: number, assetId: number, body: ScanBody) {
  const now = new Date().toISOString();
  return {
    tenant_id: tenantId,
    created_at: now,
    updated_at: now,
    client_event_id: randomUUID(),
    asset_id: assetId,
    location_id: null,
    symbology: body.symbology,
    raw_value: body.raw_value,
    source_type: body.source_type,
    gps_latitude: null,
    gps_longitude: null,
    offline_captured_at: null,
    scanner_id: userId,
    scanner_label: 'bench',
    decoded_payload: JSON.stringify({ symbology: body.symbology, raw: body.raw_value, decoded_at: now }),
    synced_at: null,
    status: 'validated',
    validation_errors: '[]',
  };
}

export function scanAnswer({ id, ...row }: ReturnType<typeof scanRow> & { id: number }) {
  return {
    id,
    tenant: row.tenant_id,
    created_at: row.created_at,
    updated_at: row.updated_at,
    client_event_id: row.client_event_id,
    asset: row.asset_id,
    location: row.location_id,
    symbology: row.symbology,
    raw_value: row.raw_value,
    source_type: row.source_type,
    gps_latitude: row.gps_latitude,
    gps_longitude: row.gps_longitude,
    offline_captured_at: row.offline_captured_at,
    scanner: row.scanner_id,
    scanner_label: row.scanner_label,
    decoded_payload: JSON.parse(row.decoded_payload),
    synced_at: row.synced_at,
    status: row.status,
    validation_errors: [],
  };
}

export function assetRow(tenantId: number, body: AssetBody) {
  const now = new Date().toISOString();
  return {
    tenant_id: tenantId,
    created_at: now,
    updated_at: now,
    asset_tag: body.asset_tag,
    name: body.name,
    description: '',
    category_id: null,
    parent_asset_id: null,
    assigned_to_id: null,
    current_location_id: null,
    barcode_value: body.barcode_value,
    barcode_type: 'qr',
    status: 'active',
    custom_fields: JSON.stringify(body.custom_fields),
    metadata: '{}',
    retired_at: null,
    checked_out_at: null,
    expected_return_at: null,
  };
}

export function assetAnswer(row: Row) {
  return {
    id: row.id,
    tenant: row.tenant_id,
    created_at: row.created_at,
    updated_at: row.updated_at,
    asset_tag: row.asset_tag,
    name: row.name,
    description: row.description,
    category: row.category_id,
    parent_asset: row.parent_asset_id,
    assigned_to: row.assigned_to_id,
    current_location: row.current_location_id,
    barcode_value: row.barcode_value,
    barcode_type: row.barcode_type,
    status: row.status,
    custom_fields: JSON.parse(row.custom_fields as string),
    metadata: JSON.parse(row.metadata as string),
    retired_at: row.retired_at,
    checked_out_at: row.checked_out_at,
    expected_return_at: row.expected_return_at,
  };
}

/** A checksum of the right length: hashing is the daemon's own work, storing 64 characters is not. */
const checksum = '0'.repeat(64);

export function historyRow(
  { tenant_id, created_at }: { tenant_id: number; created_at: string },
  eventType: string,
  userId: number,
  assetId: number,
  state: object,
) {
  const newState = JSON.stringify(state);
  const record = { actor: userId, actor_label: 'bench', asset: assetId, created_at, event_type: eventType };
  const rest = { gps_latitude: null, gps_longitude: null, location: null, previous_state: {}, tenant: tenant_id };
  return {
    tenant_id,
    asset_id: assetId,
    event_type: eventType,
    actor_id: userId,
    actor_label: 'bench',
    location_id: null,
    gps_latitude: null,
    gps_longitude: null,
    previous_state: '{}',
    new_state: newState,
    body: JSON.stringify({ ...record, ...rest, new_state: state }),
    checksum,
    created_at,
    updated_at: created_at,
  };
}

export function changeRow(
  tenant_id: number,
  userId: number,
  created_at: string,
  change: { seq: number | null; entity: string; entity_id: number; history_id: number | null },
) {
  const author = { actor_id: userId, actor_label: 'bench', device: null };
  const content_hash = change.history_id === null ? null : checksum;
  return { tenant_id, ...change, op: 'create', fields: '[]', ...author, content_hash, created_at };
}

export const sealRow = (tenant_id: number, seq: number, history_id: number) => ({
  tenant_id,
  seq,
  history_id,
  prev_hash: checksum,
  hash: checksum,
});
