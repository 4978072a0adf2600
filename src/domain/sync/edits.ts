/** An offline edit of an asset: merged field by field with what others wrote since, under the rules of any other change. */
import canonicalize from 'canonicalize';
import type { z } from 'zod';
import { Forbidden, Invalid, isRefusal, NotFound } from '../../base/errors.ts';
import { sha256 } from '../../base/ids.ts';
import { type TenantContext, timestamp } from '../../db/context.ts';
import { patchOf } from '../../resource/define.ts';
import { parse } from '../../resource/parse.ts';
import * as assets from '../assets/service.ts';
import * as history from '../history/service.ts';
import * as conflicts from './conflicts.ts';
import { type Decision, decide, earlierOf, effective, type Write } from './merge.ts';
import type { ConflictAnswer, Edit, ItemResult } from './wire.ts';

export type EditInput = z.output<typeof Edit>;

export interface Merged {
  status: ItemResult['status'];
  conflicts: ConflictAnswer[];
}

type Values = Record<string, unknown>;

/** In the caller's transaction. NotFound when there was never such an asset. */
export async function merge(ctx: TenantContext, input: EditInput): Promise<Merged> {
  const asset = await lockedAsset(ctx, input.id);
  if (!asset && !(await history.knows(ctx, input.id))) throw new NotFound('Asset not found.');
  // Canonical: many an app writes the keys of an object in another order each time.
  const fingerprint = sha256(canonicalize([ctx.device ?? '', input])!);
  const known = await earlier(ctx, fingerprint);
  if (known) return { status: 'duplicate', conflicts: await conflicts.ofEdit(ctx, known) };
  const now = timestamp(ctx);
  const row = { tenant_id: ctx.tenant.id, fingerprint, asset_id: input.id, created_at: now, updated_at: now };
  const edit = await ctx.db.insert('sync_edits', row);
  const fields = writable(input.fields);
  const { lost, changed, captured_at } = asset
    ? await apply(ctx, asset, input, fields)
    : { lost: Object.entries(fields).map(deleted), changed: false, captured_at: now };
  if (lost.length > 0) await conflicts.keep(ctx, { edit, asset: input.id, captured_at }, lost);
  const answered = lost.length > 0 ? await conflicts.ofEdit(ctx, edit) : [];
  return { status: lost.length > 0 ? 'conflict' : changed ? 'applied' : 'unchanged', conflicts: answered };
}

/** Another tenant's asset looks like one that never was. */
async function lockedAsset(ctx: TenantContext, id: number): Promise<assets.AssetRow | undefined> {
  try {
    return await assets.forChange(ctx, id);
  } catch (error) {
    if (error instanceof NotFound || error instanceof Forbidden) return undefined;
    throw error;
  }
}

async function earlier(ctx: TenantContext, fingerprint: string): Promise<number | undefined> {
  const sql = 'SELECT id FROM sync_edits WHERE tenant_id = ? AND fingerprint = ?';
  return (await ctx.db.query<{ id: number }>(sql, [ctx.tenant.id, fingerprint]))[0]?.id;
}

/** Read-only and unknown fields are left out, as everywhere. */
const writable = (fields: Values): Values =>
  Object.fromEntries(Object.entries(fields).filter(([field]) => Object.hasOwn(assets.resource.fields.shape, field)));

const deleted = ([field, local]: [string, unknown]): conflicts.NewConflict => ({
  field,
  local,
  server: null,
  winner: 'server',
  reason: 'deleted',
  detail: 'The asset was deleted.',
});

async function apply(ctx: TenantContext, asset: assets.AssetRow, input: EditInput, sent: Values) {
  const base = earlierOf(input.base_updated_at, asset.updated_at);
  const { at: captured_at, step } = effective(input.captured_at, base, timestamp(ctx));
  const origin = { at: captured_at, step, device: ctx.device ?? '', claimed: input.captured_at };
  const { values, refused } = read(sent);
  const since = base === asset.updated_at ? new Map<string, Write>() : await writesSince(ctx, asset.id, base);
  const decision = decide(values, asset, since, origin);
  const sync = { captured_at, step, device: origin.device, claimed: origin.claimed };
  const written = await write(ctx, asset, decision, sync);
  const lost = [...refused, ...written.refused].map(([field, detail]) =>
    conflictOf(asset, sent, field, 'server', 'refused', detail),
  );
  for (const field of decision.lost)
    lost.push(conflictOf(asset, values, field, 'server', 'overwritten', 'A later change is kept.'));
  for (const field of decision.won.filter((won) => won in written.applied))
    lost.push(conflictOf(asset, values, field, 'local', 'overwritten', 'An earlier change was replaced.'));
  return { lost, changed: Object.keys(written.applied).length > 0, captured_at };
}

function conflictOf(
  asset: assets.AssetRow,
  values: Values,
  field: string,
  winner: 'local' | 'server',
  reason: 'overwritten' | 'refused',
  detail: string,
): conflicts.NewConflict {
  return { field, local: values[field], server: asset[field as keyof assets.AssetRow], winner, reason, detail };
}

type Refused = [field: string, detail: string][];

/** Each field in its stored form; those that are no values of their field stand apart. */
function read(sent: Values): { values: Values; refused: Refused } {
  const refused: Refused = [];
  const values: Values = {};
  for (const [field, value] of Object.entries(sent)) {
    try {
      Object.assign(values, parse(patchOf(assets.resource.fields, { [field]: value }), { [field]: value }));
    } catch (error) {
      if (!(error instanceof Invalid)) throw error;
      refused.push([field, error.message]);
    }
  }
  return { values, refused };
}

/** Writes what the rules of assets let pass. */
async function write(
  ctx: TenantContext,
  asset: assets.AssetRow,
  { apply: wanted, confirmed }: Decision,
  sync: assets.OfflineOrigin,
) {
  const refused: Refused = [];
  let applied = wanted;
  while (Object.keys({ ...applied, ...confirmed }).length > 0) {
    try {
      await ctx.db.savepoint(() => assets.edit(ctx, asset, applied, { sync, confirmed }));
      break;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const faulty = faultyFields(error.fields, applied);
      if (faulty.length === 0) throw error;
      refused.push(...faulty.map((field): [string, string] => [field, error.message]));
      applied = Object.fromEntries(Object.entries(applied).filter(([field]) => !faulty.includes(field)));
    }
  }
  return { refused, applied };
}

/** Those that the refusal names. One that names none is a clash of tags; or else it is of them all. */
function faultyFields(named: object | undefined, applied: Values): string[] {
  const fields = Object.keys(applied);
  const faulty = fields.filter((field) => named && Object.hasOwn(named, field));
  if (faulty.length > 0) return faulty;
  return !named && fields.includes('asset_tag') ? ['asset_tag'] : fields;
}

/** The last write of each field after that version of the asset, from its history: an offline one by its time of capture. */
async function writesSince(ctx: TenantContext, asset: number, base: string): Promise<Map<string, Write>> {
  const sql =
    'SELECT new_state, created_at FROM asset_state_history WHERE tenant_id = ? AND asset_id = ? AND created_at > ? ' +
    "AND event_type <> 'scan' ORDER BY id";
  const rows = await ctx.db.query<{ new_state: string; created_at: string }>(sql, [ctx.tenant.id, asset, base]);
  const writes = new Map<string, Write>();
  for (const { new_state, created_at } of rows) {
    const { sync, conflict, note, ...fields } = JSON.parse(new_state);
    // What lost was not written.
    if (conflict) continue;
    const origin: Omit<Write, 'value'> = sync
      ? { at: sync.captured_at, step: sync.step ?? 0, device: sync.device, claimed: sync.claimed }
      : { at: created_at, step: 0, device: '', claimed: created_at };
    for (const [field, value] of Object.entries(fields)) writes.set(field, { ...origin, value });
  }
  return writes;
}
