import { z } from 'zod';
import { defineResource } from '../../resource/define.ts';
import { degrees, jsonObject, optionalReference, reference, text } from '../../resource/fields.ts';

export const eventTypes = [
  'create',
  'assign',
  'move',
  'inspect',
  'maintain',
  'retire',
  'scan',
  'reconcile',
  'update',
  'delete',
] as const;

/**
 * The audit trail of an asset with its proof, a view over records and seals: `body` is the RFC 8785 text that `checksum` is
 * the SHA-256 of, and `seal` covers it and the seal before. Null until it is sealed. `append` is the only way in.
 */
export const assetStateHistory = defineResource({
  name: 'history record',
  path: 'asset-state-history',
  table: 'sealed_history',
  area: 'assets',
  fields: z.object({}),
  readOnly: z.object({
    asset: reference(),
    event_type: z.enum(eventTypes),
    actor: optionalReference(),
    actor_label: text(200),
    location: optionalReference(),
    gps_latitude: degrees(90),
    gps_longitude: degrees(180),
    previous_state: jsonObject(),
    new_state: jsonObject(),
    checksum: z.string(),
    body: z.string(),
    sequence: z.int().nullable(),
    previous_seal: z.string().nullable(),
    seal: z.string().nullable(),
  }),
  // Not checked on the way in; they say which columns end in _id. An asset's history outlives the asset.
  refs: {
    asset: { table: 'assets', label: 'Asset' },
    actor: { table: 'users', label: 'User' },
    location: { table: 'locations', label: 'Location' },
  },
  order: '-id',
  filters: ['event_type', 'actor', 'location'],
});
