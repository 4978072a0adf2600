/** The journal of values that lost: written with the edit, told to the app, settled by its acknowledgement. */
import type { z } from 'zod';
import { Invalid, NotFound } from '../../base/errors.ts';
import { storable } from '../../base/text.ts';
import { type TenantContext, timestamp } from '../../db/context.ts';
import * as assets from '../assets/service.ts';
import * as history from '../history/service.ts';
import type { Acknowledgement, ConflictAnswer } from './wire.ts';

export interface NewConflict {
  field: string;
  local: unknown;
  server: unknown;
  winner: 'local' | 'server';
  reason: 'overwritten' | 'deleted' | 'refused';
  detail: string;
}

interface Origin {
  edit: number;
  asset: number;
  captured_at: string;
}

interface ConflictRow {
  id: number;
  asset_id: number;
  field: string;
  local_value: string;
  server_value: string;
  winner: 'local' | 'server';
  reason: NewConflict['reason'];
  detail: string;
  resolution: string | null;
  updated_at: string;
}

const selection = 'id, asset_id, field, local_value, server_value, winner, reason, detail, resolution, updated_at';

/** Keeps each lost value, in the journal and in the asset's history. */
export async function keep(ctx: TenantContext, origin: Origin, conflicts: readonly NewConflict[]): Promise<void> {
  const now = timestamp(ctx);
  const rows = conflicts.map(({ local, server, detail, ...rest }) => ({
    tenant_id: ctx.tenant.id,
    edit_id: origin.edit,
    asset_id: origin.asset,
    ...rest,
    detail: storable(detail),
    local_value: JSON.stringify(local ?? null),
    server_value: JSON.stringify(server ?? null),
    device: ctx.device ?? null,
    actor_label: ctx.actor.label,
    captured_at: origin.captured_at,
    resolution: null,
    resolved_by: null,
    resolved_at: null,
    created_at: now,
    updated_at: now,
  }));
  const ids = await ctx.db.insertAll('sync_conflicts', rows);
  for (const [index, conflict] of conflicts.entries()) record(ctx, origin, ids[index]!, conflict);
}

function record(ctx: TenantContext, origin: Origin, id: number, conflict: NewConflict): void {
  const { field, local, server, winner, reason } = conflict;
  const [lost, kept] = winner === 'local' ? [server, local] : [local, server];
  history.append(ctx, {
    asset: origin.asset,
    event_type: 'reconcile',
    previous_state: { [field]: lost ?? null },
    new_state: {
      [field]: kept ?? null,
      conflict: { id, winner, reason, captured_at: origin.captured_at, device: ctx.device ?? null },
    },
  });
}

/** The conflicts of an edit, as the app is told them: also the second time. */
export async function ofEdit(ctx: TenantContext, edit: number): Promise<ConflictAnswer[]> {
  const sql = `SELECT ${selection} FROM sync_conflicts WHERE edit_id = ? ORDER BY id`;
  return (await ctx.db.query<ConflictRow>(sql, [edit])).map(answerOf);
}

const answerOf = (row: ConflictRow): ConflictAnswer => ({
  id: String(row.id),
  asset_id: String(row.asset_id),
  field: row.field,
  local_value: textOf(row.local_value),
  server_value: textOf(row.server_value),
  updated_at: row.updated_at,
  winner: row.winner,
  reason: row.reason,
  detail: row.detail,
});

/** To be shown: text as it is, nothing as empty text, anything else as JSON. */
function textOf(json: string): string {
  const value = JSON.parse(json);
  if (value === null) return '';
  return typeof value === 'string' ? value : json;
}

/** Settles a conflict once; false when it was settled before. Refused as long as the local value cannot be applied. */
export async function settle(ctx: TenantContext, sent: z.output<typeof Acknowledgement>): Promise<boolean> {
  const sql = `SELECT ${selection} FROM sync_conflicts WHERE id = ? AND tenant_id = ?${ctx.db.forUpdate}`;
  const [row] = await ctx.db.query<ConflictRow>(sql, [Number(sent.conflict_id), ctx.tenant.id]);
  if (!row) throw new NotFound('Conflict not found.');
  if (row.resolution) return false;
  if (sent.resolution === 'keep_local' && row.winner === 'server') await keepLocal(ctx, row);
  const now = timestamp(ctx);
  const settled = [sent.resolution, ctx.actor.label, sent.resolved_at ?? now, now, row.id];
  const update =
    'UPDATE sync_conflicts SET resolution = ?, resolved_by = ?, resolved_at = ?, updated_at = ? WHERE id = ?';
  await ctx.db.execute(update, settled);
  return true;
}

/** The value that lost is written after all, as if it were typed in now. */
async function keepLocal(ctx: TenantContext, row: ConflictRow): Promise<void> {
  const asset = await assets.forChange(ctx, row.asset_id).catch((error) => {
    if (error instanceof NotFound) throw new Invalid('The asset is deleted. Send accept_server.');
    throw error;
  });
  const note = `conflict ${row.id}: the local value is kept`;
  await assets.edit(ctx, asset, { [row.field]: JSON.parse(row.local_value) }, { event_type: 'reconcile', note });
}
