/** What becomes of the differences: chosen corrections, in one transaction, each with its history record. */
import { z } from 'zod';
import { Conflict, Invalid } from '../../base/errors.ts';
import { type Context, type TenantContext, timestamp } from '../../db/context.ts';
import { flag, optionalText, reference } from '../../resource/fields.ts';
import { parse } from '../../resource/parse.ts';
import { guarded } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import * as assets from '../assets/service.ts';
import * as history from '../history/service.ts';
import { inChunks } from './expected.ts';
import { obstacleTo, signsSince } from './obstacles.ts';
import {
  actions,
  inventoryLines,
  inventorySessions,
  type LineRow,
  outcomes,
  type SessionRow,
  sessionStatuses,
} from './resource.ts';
import { tell } from './sessions.ts';

type Action = (typeof actions)[number];

/** What is named counts before what goes for all. */
export const Reconcile = z.object({
  corrections: z
    .array(z.object({ asset: reference(), action: z.enum(actions), note: optionalText(200) }))
    .max(10_000)
    .default([]),
  /** Every asset that was seen here and belongs elsewhere is moved here. */
  apply_moves: flag(false),
  /** Every asset that was expected and not seen is marked lost. */
  mark_lost: flag(false),
  dry_run: flag(false),
});

const Corrected = z.object({
  line: z.int(),
  asset: z.int(),
  asset_tag: z.string(),
  outcome: z.enum(outcomes),
  action: z.enum(actions),
  /** False when it is skipped. */
  applied: z.boolean(),
  /** Why it is skipped. */
  reason: z.string().nullable(),
});
export const ReconcileAnswer = z.object({
  session: z.int(),
  status: z.enum(sessionStatuses),
  dry_run: z.boolean(),
  moved: z.int(),
  marked_lost: z.int(),
  ignored: z.int(),
  skipped: z.int(),
  /** Differences that nothing was chosen for. */
  left_open: z.int(),
  corrections: z.array(Corrected),
});
export type ReconcileResult = z.output<typeof ReconcileAnswer>;

interface Choice {
  line: LineRow & { asset: number };
  action: Action;
  note: string;
  named: boolean;
}

/** A dry run is a read: it answers what would be done, and any role may ask. */
export const isDryRun = (body: unknown): boolean => (body as { dry_run?: unknown } | null)?.dry_run === true;

export function reconcile(ctx: Context, id: number, body: unknown): Promise<ReconcileResult> {
  const dry = isDryRun(body);
  const work = async (inside: TenantContext) => {
    const session = await store.get(inside, inventorySessions, id, !dry);
    const input = parse(Reconcile, body ?? {});
    if (session.status === 'open') throw new Conflict('This session is still open. Close it, then reconcile it.');
    const lines = await differencesOf(inside, session);
    const choices = chosen(lines, input);
    const corrections = await correct(inside, session, choices, dry);
    const status = dry ? session.status : await finish(inside, session);
    return answerOf(session.id, status, dry, lines, corrections);
  };
  return guarded(ctx, 'assets', dry ? 'view' : 'change', work, { long: true });
}

async function differencesOf(ctx: TenantContext, session: SessionRow): Promise<LineRow[]> {
  const sql = `SELECT ${inventoryLines.selection} FROM inventory_session_lines WHERE session_id = ? AND asset_id IS NOT NULL ORDER BY asset_id`;
  const rows = await ctx.db.query(sql, [session.id]);
  return rows.map((row) => store.decode(inventoryLines, row)).filter(({ outcome }) => Object.hasOwn(possible, outcome));
}

/** What can be done about an outcome. */
const possible: Partial<Record<LineRow['outcome'], readonly Action[]>> = {
  missing: ['mark_lost', 'ignore'],
  moved: ['move', 'ignore'],
  unexpected: ['move', 'ignore'],
};

/** In the order of the assets' ids, which is the order in which they are locked. Invalid names each choice that fits no line. */
function chosen(lines: LineRow[], input: z.output<typeof Reconcile>): Choice[] {
  const byAsset = new Map(lines.map((line) => [line.asset, line]));
  const faults: Record<string, { asset?: string[]; action?: string[] }> = {};
  const named = new Map<number, (typeof input.corrections)[number]>();
  for (const [index, correction] of input.corrections.entries()) {
    const line = byAsset.get(correction.asset);
    if (!line) faults[index] = { asset: ['This asset is no difference of this session.'] };
    else if (named.has(correction.asset)) faults[index] = { asset: ['This asset is named twice.'] };
    else if (!possible[line.outcome]!.includes(correction.action))
      faults[index] = {
        action: [`This asset is ${line.outcome}. Choose one of: ${possible[line.outcome]!.join(', ')}.`],
      };
    named.set(correction.asset, correction);
  }
  if (Object.keys(faults).length > 0) throw new Invalid({ corrections: faults as never });
  const forAll = ({ outcome }: LineRow): Action | undefined =>
    outcome === 'moved' && input.apply_moves
      ? 'move'
      : outcome === 'missing' && input.mark_lost
        ? 'mark_lost'
        : undefined;
  return lines.flatMap((line) => {
    const own = named.get(line.asset!);
    const action = own?.action ?? (line.correction === null ? forAll(line) : undefined);
    return action ? [{ line: line as Choice['line'], action, note: own?.note ?? '', named: own !== undefined }] : [];
  });
}

async function correct(
  ctx: TenantContext,
  session: SessionRow,
  choices: Choice[],
  dry: boolean,
): Promise<z.output<typeof Corrected>[]> {
  const done: z.output<typeof Corrected>[] = [];
  for (const { part } of inChunks(choices)) {
    const ids = part.map(({ line }) => line.asset);
    const rows = await assets.byIds(ctx, ids, !dry);
    const signs = await signsSince(ctx, session, ids);
    for (const { line, action, note, named } of part) {
      const asset = rows.get(line.asset);
      const reason = obstacleTo(action, { line, asset, named, since: signs.get(line.asset) });
      if (asset && reason === null && !dry) await apply(ctx, session, asset, line, action, note);
      done.push({
        line: line.id,
        asset: line.asset,
        asset_tag: line.asset_tag,
        outcome: line.outcome,
        action,
        applied: reason === null,
        reason,
      });
    }
  }
  return done;
}

async function apply(
  ctx: TenantContext,
  session: SessionRow,
  asset: assets.AssetRow,
  line: LineRow,
  action: Action,
  remark: string,
): Promise<void> {
  const about = `Stock-take ${session.id} (${session.name}): ${line.outcome}`;
  const note = remark ? `${about}. ${remark}` : about;
  const circumstance = { event_type: 'reconcile', note, always: true } as const;
  if (action === 'mark_lost') await assets.write(ctx, asset, { status: 'lost' }, circumstance);
  else if (action === 'move') {
    // Whoever is seen is not lost. What is retired stays so: that was a decision, and no observation.
    const status = asset.status === 'lost' ? 'active' : asset.status;
    await assets.write(ctx, asset, { current_location: session.location, status }, circumstance);
  } else {
    const { current_location: location } = asset;
    const state = { previous_state: {}, new_state: { note: `${note}. Ignored` } };
    history.append(ctx, { asset: asset.id, event_type: 'reconcile', location, ...state });
  }
  const sql = 'UPDATE inventory_lines SET correction = ?, updated_at = ? WHERE id = ?';
  await ctx.db.execute(sql, [action, timestamp(ctx), line.id]);
}

/** It may be reconciled in steps: the first makes it so. */
async function finish(ctx: TenantContext, session: SessionRow): Promise<SessionRow['status']> {
  if (session.status === 'reconciled') return session.status;
  const { label } = ctx.actor;
  const reconciled = { status: 'reconciled', reconciled_at: timestamp(ctx), reconciled_by_label: label } as const;
  const row = await store.update(ctx, inventorySessions, session, reconciled);
  tell(ctx, 'inventory_session.reconciled', row);
  return row.status;
}

function answerOf(
  session: number,
  status: SessionRow['status'],
  dry_run: boolean,
  lines: LineRow[],
  corrections: z.output<typeof Corrected>[],
): ReconcileResult {
  const applied = (action: Action) => corrections.filter((one) => one.applied && one.action === action).length;
  const skipped = corrections.filter((one) => !one.applied).length;
  const settled = new Set(corrections.filter((one) => one.applied).map(({ line }) => line));
  return {
    session,
    status,
    dry_run,
    moved: applied('move'),
    marked_lost: applied('mark_lost'),
    ignored: applied('ignore'),
    skipped,
    left_open: lines.filter(({ id, correction }) => correction === null && !settled.has(id)).length,
    corrections,
  };
}
