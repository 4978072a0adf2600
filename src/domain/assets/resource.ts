import { z } from 'zod';
import { defineResource, type RowOf } from '../../resource/define.ts';
import { jsonObject, longText, optionalInstant, optionalReference, optionalText, text } from '../../resource/fields.ts';

export const barcodeTypes = ['gs1', 'code128', 'qr', 'datamatrix'] as const;

/** A tenant's settings may add to these; see `statusesOf`. */
export const statuses = ['active', 'in_maintenance', 'retired', 'lost'] as const;

export const assets = defineResource({
  name: 'asset',
  path: 'assets',
  table: 'assets',
  area: 'assets',
  fields: z.object({
    asset_tag: text(80),
    name: text(200),
    description: longText(),
    category: optionalReference(),
    parent_asset: optionalReference(),
    assigned_to: optionalReference(),
    current_location: optionalReference(),
    barcode_value: optionalText(255),
    barcode_type: z.enum(barcodeTypes).default('qr'),
    status: text(40).default('active'),
    custom_fields: jsonObject(),
    metadata: jsonObject(),
    retired_at: optionalInstant(),
  }),
  readOnly: z.object({ checked_out_at: optionalInstant(), expected_return_at: optionalInstant() }),
  refs: {
    category: { table: 'asset_categories', label: 'Asset category' },
    parent_asset: { table: 'assets', label: 'Asset' },
    assigned_to: { table: 'memberships', column: 'user_id', label: 'Member' },
    current_location: { table: 'locations', label: 'Location' },
  },
  tree: 'parent_asset',
  search: ['asset_tag', 'name', 'barcode_value'],
  ordering: ['asset_tag', 'name', 'status'],
  order: '-created_at',
  filters: ['status', 'category', 'current_location', 'assigned_to', 'parent_asset', 'asset_tag', 'barcode_value'],
});

export type AssetRow = RowOf<typeof assets>;

export const codeStatuses = ['unclaimed', 'active', 'revoked'] as const;

/** Codes beside the tag: many for an asset, printed before they are claimed, revoked when a label is lost. */
export const assetCodes = defineResource({
  name: 'asset code',
  path: 'asset-codes',
  table: 'asset_codes',
  area: 'assets',
  fields: z.object({
    code: text(255),
    asset: optionalReference(),
    symbology: optionalText(20),
    note: optionalText(200),
    /** Follows from `asset` unless given. */
    status: z.enum(codeStatuses).optional(),
  }),
  readOnly: z.object({ claimed_at: optionalInstant(), revoked_at: optionalInstant() }),
  refs: { asset: { table: 'assets', label: 'Asset' } },
  search: ['code', 'note'],
  ordering: ['code', 'status'],
  order: 'code',
  filters: ['asset', 'status', 'code'],
});

export type AssetCodeRow = RowOf<typeof assetCodes>;
