/** The journals of sync: values that lost, and what could not be stored. Written by sync alone. */
import { z } from 'zod';
import { defineResource, type RowOf } from '../../resource/define.ts';
import { anyJson, instant, optionalInstant, reference } from '../../resource/fields.ts';

export const resolutions = ['accept_server', 'keep_local'] as const;

export const syncConflicts = defineResource({
  name: 'sync conflict',
  path: 'sync-conflicts',
  table: 'sync_conflicts',
  area: 'assets',
  fields: z.object({}),
  readOnly: z.object({
    /** It may be deleted by now. */
    asset: reference(),
    field: z.string(),
    local_value: anyJson(),
    server_value: anyJson(),
    /** Whose value the asset was given. */
    winner: z.enum(['local', 'server']),
    reason: z.enum(['overwritten', 'deleted', 'refused']),
    detail: z.string(),
    device: z.string().nullable(),
    actor_label: z.string(),
    captured_at: instant(),
    /** Null as long as nobody has settled it. */
    resolution: z.enum(resolutions).nullable(),
    resolved_by: z.string().nullable(),
    resolved_at: optionalInstant(),
  }),
  refs: { asset: { table: 'assets', label: 'Asset' } },
  search: ['field', 'local_value', 'server_value'],
  order: '-id',
  filters: ['asset', 'field', 'device', 'reason', 'winner', 'resolution'],
});

export type ConflictRow = RowOf<typeof syncConflicts>;

export const syncQuarantine = defineResource({
  name: 'quarantined item',
  path: 'sync-quarantine',
  table: 'sync_quarantine',
  area: 'assets',
  fields: z.object({}),
  readOnly: z.object({
    kind: z.enum(['scan_event', 'asset_change']),
    /** The item as it was sent. */
    raw: anyJson(),
    reason: z.string(),
    device: z.string().nullable(),
    actor_label: z.string(),
  }),
  search: ['raw', 'reason'],
  order: '-id',
  filters: ['kind', 'device'],
});
