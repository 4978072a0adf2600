/** What is sent to sync/ and what it answers. Names and types are fixed: apps of the earlier service parse them. */
import { z } from 'zod';
import { type AppError, type FieldErrors, Invalid, Malformed } from '../../base/errors.ts';
import { instant, reference } from '../../resource/fields.ts';
import { parse } from '../../resource/parse.ts';
import * as assets from '../assets/service.ts';
import * as scans from '../scans/service.ts';
import { type Cursor, cursorOf } from './cursor.ts';
import { resolutions } from './resource.ts';

/** Items of all three lists together. */
export const maxItems = 1_000;
export const bodyLimit = 5 * 1024 * 1024;
const defaultLimit = 500;
const maxLimit = 2_000;

export const Edit = z.object({
  id: reference(),
  /** The asset's updated_at when it was edited. */
  base_updated_at: instant(),
  captured_at: instant(),
  fields: z.record(z.string(), z.unknown()),
});

export const Acknowledgement = z.object({
  conflict_id: z.union([z.string().regex(/^\d{1,15}$/), z.int().positive()], { error: 'A valid id is required.' }),
  resolution: z.enum(resolutions),
  resolved_at: instant().nullish(),
});

const envelope = {
  last_sync_at: instant().nullish(),
  cursor: z.string().max(200).nullish(),
  limit: z.int().min(1).max(maxLimit).nullish(),
  device_identifier: z
    .string()
    .max(200)
    .refine((text) => !text.includes('\0') && text.isWellFormed(), { error: 'Not a valid string.', abort: true })
    .nullish(),
};

/** For the document. */
export const SyncBody = z.object({
  ...envelope,
  scan_events: z.array(scans.served.resource.fields).nullish(),
  asset_changes: z.array(Edit).nullish(),
  conflict_acknowledgements: z.array(Acknowledgement).nullish(),
});

const items = z.array(z.unknown()).nullish();

/** As it is read: a faulty item is that item's fault and no other's. */
const Envelope = z.object({
  ...envelope,
  scan_events: items,
  asset_changes: items,
  conflict_acknowledgements: items,
});

export interface Request {
  scans: unknown[];
  edits: unknown[];
  acknowledgements: unknown[];
  /** Undefined: the client knows of no cursors. Null: it begins. */
  cursor: Cursor | null | undefined;
  since: string | undefined;
  limit: number;
  device: string | undefined;
}

/** Invalid for a faulty envelope, Malformed with 413 for too many items; nothing was written then. */
export function requestOf(body: unknown): Request {
  const sent = parse(Envelope, body);
  const [scanned, edits, acknowledgements] = [
    sent.scan_events ?? [],
    sent.asset_changes ?? [],
    sent.conflict_acknowledgements ?? [],
  ];
  if (scanned.length + edits.length + acknowledgements.length > maxItems)
    throw new Malformed(`At most ${maxItems} items are taken at once. Send the rest with further requests.`, 413);
  return {
    scans: scanned,
    edits,
    acknowledgements,
    cursor: sent.cursor ? cursorOf(sent.cursor) : sent.cursor === '' ? null : undefined,
    since: sent.last_sync_at ?? undefined,
    limit: sent.limit ?? defaultLimit,
    device: sent.device_identifier?.trim() || undefined,
  };
}

const lists = ['scan_events', 'asset_changes', 'conflict_acknowledgements'] as const;
export const itemStatuses = ['applied', 'duplicate', 'unchanged', 'conflict', 'rejected'] as const;

const Result = z.object({
  list: z.enum(lists),
  /** Place in the list that was sent. */
  index: z.int(),
  status: z.enum(itemStatuses),
  /** Of the scan event, the asset or the conflict. */
  id: z.int().nullable(),
  detail: z.string().nullable(),
});
export type ItemResult = z.output<typeof Result>;

const Rejected = z.object({
  index: z.int(),
  client_event_id: z.string().nullable(),
  reason: z.string(),
  errors: z.record(z.string(), z.unknown()).nullable(),
});
export type RejectedScan = z.output<typeof Rejected>;

const Conflict = z.object({
  id: z.string(),
  asset_id: z.string(),
  field: z.string(),
  local_value: z.string(),
  server_value: z.string(),
  updated_at: instant(),
  /** Whose value the asset has now. */
  winner: z.enum(['local', 'server']),
  reason: z.enum(['overwritten', 'deleted', 'refused']),
  detail: z.string(),
});
export type ConflictAnswer = z.output<typeof Conflict>;

export const SyncAnswer = z.object({
  server_time: instant(),
  accepted_scan_event_ids: z.array(z.int()),
  rejected_scan_events: z.array(Rejected),
  asset_changes: z.array(assets.resource.read),
  deleted_asset_ids: z.array(z.int()),
  conflicts: z.array(Conflict),
  acknowledged_conflicts: z.array(z.string()),
  conflict_strategy: z.literal('last-write-wins-with-history'),
  next_cursor: z.string(),
  has_more: z.boolean(),
  reset_required: z.boolean(),
  results: z.array(Result),
});
export type Answer = Omit<z.output<typeof SyncAnswer>, 'asset_changes'> & { asset_changes: assets.AssetRow[] };

/** The field errors of a refusal, where it has any. */
export const errorsOf = (error: AppError): FieldErrors | null => (error instanceof Invalid ? error.fields! : null);
