import { z } from 'zod';
import { defineResource, type RowOf } from '../../resource/define.ts';
import {
  degrees,
  jsonList,
  jsonObject,
  optionalInstant,
  optionalReference,
  optionalText,
  rawText,
} from '../../resource/fields.ts';

export const sourceTypes = ['camera', 'rfid', 'external_scanner', 'web', 'conflict_replay'] as const;

/** Recorded once and never edited: there is no update and no delete. */
export const scanEvents = defineResource({
  name: 'scan event',
  path: 'scan-events',
  table: 'scan_events',
  area: 'assets',
  fields: z.object({
    client_event_id: z.uuid().toLowerCase().optional(),
    asset: optionalReference(),
    location: optionalReference(),
    symbology: optionalText(40).default('unknown'),
    raw_value: rawText(512),
    source_type: z.enum(sourceTypes).default('web'),
    gps_latitude: degrees(90),
    gps_longitude: degrees(180),
    offline_captured_at: optionalInstant(),
  }),
  readOnly: z.object({
    scanner: optionalReference(),
    scanner_label: z.string(),
    decoded_payload: jsonObject(),
    synced_at: optionalInstant(),
    status: z.enum(['pending', 'validated', 'rejected']),
    validation_errors: jsonList(),
  }),
  refs: {
    asset: { table: 'assets', label: 'Asset' },
    location: { table: 'locations', label: 'Location' },
    scanner: { table: 'users', label: 'User' },
  },
  search: ['raw_value'],
  ordering: ['status'],
  order: '-created_at',
  filters: ['status', 'source_type', 'asset', 'location', 'symbology', 'client_event_id'],
});

export type ScanRow = RowOf<typeof scanEvents>;
