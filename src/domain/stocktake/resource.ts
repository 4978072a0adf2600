import { z } from 'zod';
import { defineResource, type RowOf } from '../../resource/define.ts';
import { flag, instant, optionalInstant, optionalReference, reference, text } from '../../resource/fields.ts';

export const sessionStatuses = ['open', 'closed', 'reconciled'] as const;

/** `left`: expected, not seen, and moved away, retired or deleted by someone while the count went on. */
export const outcomes = ['found', 'missing', 'moved', 'unexpected', 'unknown', 'left'] as const;
export type Outcome = (typeof outcomes)[number];

export const actions = ['move', 'mark_lost', 'ignore'] as const;

export const inventorySessions = defineResource({
  name: 'inventory session',
  path: 'inventory-sessions',
  table: 'inventory_sessions',
  area: 'assets',
  fields: z.object({
    name: text(200),
    /** Null until a scan names one. */
    location: optionalReference(),
    include_sublocations: flag(false),
  }),
  readOnly: z.object({
    status: z.enum(sessionStatuses),
    opened_by: optionalReference(),
    opened_by_label: z.string(),
    opened_at: instant(),
    closed_by_label: z.string(),
    closed_at: optionalInstant(),
    reconciled_by_label: z.string(),
    reconciled_at: optionalInstant(),
  }),
  refs: { location: { table: 'locations', label: 'Location' }, opened_by: { table: 'users', label: 'User' } },
  search: ['name'],
  ordering: ['name', 'status', 'opened_at'],
  order: '-id',
  filters: ['status', 'location'],
});

export type SessionRow = RowOf<typeof inventorySessions>;

/** One for each asset that is expected or was seen, and for each code that names none. Written by counting alone. */
export const inventoryLines = defineResource({
  name: 'inventory line',
  path: 'inventory-lines',
  table: 'inventory_session_lines',
  area: 'assets',
  fields: z.object({}),
  readOnly: z.object({
    session: reference(),
    asset: optionalReference(),
    asset_tag: z.string(),
    asset_name: z.string(),
    barcode_value: z.string(),
    expected_qty: z.int(),
    counted_qty: z.int(),
    variance_qty: z.int(),
    outcome: z.enum(outcomes),
    /** Where the asset's record had it: at close, or now while the session is open. */
    recorded_location: optionalReference(),
    correction: z.enum(actions).nullable().default(null),
  }),
  refs: {
    session: { table: 'inventory_sessions', label: 'Inventory session' },
    asset: { table: 'assets', label: 'Asset' },
    recorded_location: { table: 'locations', label: 'Location' },
  },
  search: ['barcode_value', 'asset_tag', 'asset_name'],
  ordering: ['barcode_value', 'asset_tag', 'counted_qty', 'variance_qty'],
  order: 'id',
  filters: ['asset', 'outcome', 'barcode_value', 'expected_qty', 'counted_qty', 'correction'],
});

export type LineRow = RowOf<typeof inventoryLines>;
