/** Scans that count in a session. Each is a scan event first, so that none is lost, whatever the session says to it. */
import { z } from 'zod';
import { AppError, type FieldErrors } from '../../base/errors.ts';
import { type Context, type TenantContext, timestamp } from '../../db/context.ts';
import { UniqueViolation } from '../../db/errors.ts';
import { parse } from '../../resource/parse.ts';
import { guarded } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { resolve } from '../resolve/service.ts';
import * as scans from '../scans/service.ts';
import { expectAssets } from './expected.ts';
import { increase, type LineKey, linesOf, nameOf, readLines } from './lines.ts';
import { inventorySessions, outcomes, type SessionRow, sessionStatuses } from './resource.ts';

export const maxScans = 500;

const scanFields = scans.served.resource.fields;
const captured_at = scanFields.shape.offline_captured_at.optional();
const Scan = scanFields.extend({ captured_at });

/** One scan, or a list of them under `scans`. */
export const Count = Scan.partial().extend({ scans: z.array(Scan).min(1).max(maxScans).optional() });

/** As it is read: a faulty scan of a list is that scan's fault and no other's. */
const List = z.object({ scans: z.array(z.unknown()).min(1).max(maxScans) });

const results = ['counted', 'repeated', 'unknown', 'location', 'command', 'late', 'failed'] as const;

const Counted = z.object({
  index: z.int(),
  result: z.enum(results),
  client_event_id: z.string().nullable(),
  scan_event: z.int().nullable(),
  asset: z.int().nullable(),
  line: z.int().nullable(),
  outcome: z.enum(outcomes).nullable(),
  counted_qty: z.int().nullable(),
  /** Why it failed. */
  errors: z.record(z.string(), z.unknown()).nullable(),
});
export const CountAnswer = z.object({
  /** Why it was refused: there only with 409. */
  detail: z.string().optional(),
  session: z.int(),
  status: z.enum(sessionStatuses),
  location: z.int().nullable(),
  counted: z.int(),
  unknown: z.int(),
  repeated: z.int(),
  late: z.int(),
  failed: z.int(),
  results: z.array(Counted),
});

type Result = Omit<z.output<typeof Counted>, 'index' | 'outcome' | 'counted_qty'>;
export type CountResult = z.output<typeof CountAnswer>;

/** `late` above 0: the session was closed; those scans are stored as scan events and do not count. */
export async function count(ctx: Context, id: number, body: unknown): Promise<CountResult> {
  const isList = typeof body === 'object' && body !== null && 'scans' in body;
  const attempt = () =>
    guarded(ctx, 'assets', 'create', (inside) => countAll(inside, id, body, isList), { long: isList });
  try {
    return await attempt();
  } catch (error) {
    // One scan, stored before, was counted by two at once: now it is there.
    if (error instanceof UniqueViolation && !ctx.db.inTransaction) return attempt();
    throw error;
  }
}

async function countAll(ctx: TenantContext, id: number, body: unknown, isList: boolean): Promise<CountResult> {
  let session = await hold(ctx, id);
  const items = isList ? parse(List, body).scans : [body];
  // As long as a scan may yet say where the session counts, each waits for the one before.
  const together = isList && session.location !== null ? await recordAll(ctx, session, items) : [];
  const placed: Placed[] = [];
  for (const [index, item] of items.entries()) {
    const work = together[index] ?? (() => one(ctx, session, item));
    const result = await (isList ? orFailed(item, work) : work());
    const twice = result.fresh && placed.some(({ scan_event }) => scan_event === result.scan_event);
    placed.push(twice ? { ...result, fresh: false, result: 'repeated' } : result);
    if (result.names && session.location === null) session = await settleAt(ctx, session, result.names);
  }
  await tally(ctx, session, placed);
  return answerOf(ctx, session, placed);
}

/** Counts what is new, all at the end: lines are made and raised in one order, whatever the order of the scans. */
async function tally(ctx: TenantContext, session: SessionRow, placed: Placed[]): Promise<void> {
  const lines = await linesOf(
    ctx,
    session,
    placed.flatMap(({ key }) => key ?? []),
  );
  for (const one of placed) if (one.key) one.line = lines.get(nameOf(one.key))!;
  const fresh = placed.filter((one) => one.fresh);
  const now = timestamp(ctx);
  const stamps = { tenant_id: ctx.tenant.id, session_id: session.id, created_at: now, updated_at: now };
  const rows = fresh.map(({ scan_event, line }) => ({ ...stamps, scan_event_id: scan_event!, line_id: line }));
  rows.sort((first, second) => first.scan_event_id - second.scan_event_id);
  await ctx.db.insertMany('inventory_counts', rows);
  await increase(
    ctx,
    fresh.flatMap(({ line }) => line ?? []),
  );
}

/** The session, kept from being closed; alone while a scan may yet give it its location. */
async function hold(ctx: TenantContext, id: number): Promise<SessionRow> {
  const seen = await store.get(ctx, inventorySessions, id);
  const tail = seen.location === null ? ctx.db.forUpdate : ctx.db.forShare;
  await ctx.db.query(`SELECT id FROM inventory_sessions WHERE id = ?${tail}`, [id]);
  return store.get(ctx, inventorySessions, id);
}

async function settleAt(ctx: TenantContext, session: SessionRow, location: number): Promise<SessionRow> {
  const placed = await store.update(ctx, inventorySessions, session, { location });
  await expectAssets(ctx, placed);
  return placed;
}

interface Placed extends Result {
  /** Not counted before. */
  fresh?: boolean;
  /** The line that it counts on. */
  key?: LineKey | undefined;
  /** The location that it names. */
  names?: number | null;
}

const nothing = { client_event_id: null, scan_event: null, asset: null, line: null, errors: null };

async function orFailed(item: unknown, work: () => Promise<Placed>): Promise<Placed> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500) throw error;
    const errors: FieldErrors | { detail: string } = error.fields ?? { detail: error.message };
    const given = (item as { client_event_id?: unknown } | null)?.client_event_id;
    return { ...nothing, result: 'failed', client_event_id: typeof given === 'string' ? given : null, errors };
  }
}

/** Tried twice: when two devices send one scan at once, the second finds what the first has stored. */
async function one(ctx: TenantContext, session: SessionRow, item: unknown): Promise<Placed> {
  const attempt = () => ctx.db.savepoint(() => record(ctx, session, item));
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof AppError && error.status === 409) return attempt();
    throw error;
  }
}

async function record(ctx: TenantContext, session: SessionRow, item: unknown): Promise<Placed> {
  const { scan, repeated } = await scans.record(ctx, located(item, session.location));
  return place(ctx, session, scan, repeated);
}

/** What became of each scan of a list: stored with the others, in an order in which two devices do not wait in a ring. */
async function recordAll(
  ctx: TenantContext,
  session: SessionRow,
  items: unknown[],
): Promise<(() => Promise<Placed>)[]> {
  const outcomes = await scans.recordMany(
    ctx,
    items.map((item) => located(item, session.location)),
  );
  return outcomes.map((outcome) => async () => {
    if ('refusal' in outcome) throw outcome.refusal;
    if (!outcome.repeated) scans.count(outcome.scan);
    return place(ctx, session, outcome.scan, outcome.repeated);
  });
}

/** Where a stored scan counts. */
async function place(ctx: TenantContext, session: SessionRow, scan: scans.ScanRow, repeated: boolean): Promise<Placed> {
  const { client_event_id, asset } = scan;
  const result = { client_event_id: client_event_id ?? null, scan_event: scan.id, asset, errors: null };
  const known = repeated ? await countOf(ctx, session, scan.id) : undefined;
  if (known) return { ...result, line: known.line_id, result: 'repeated' };
  if (session.status !== 'open') return { ...result, line: null, result: 'late' };
  const meaning = asset === null ? await resolve(ctx, scan.raw_value) : undefined;
  if (meaning?.kind === 'location' || meaning?.kind === 'command') {
    const names = meaning.kind === 'location' ? meaning.location.id : null;
    return { ...result, line: null, result: meaning.kind, fresh: true, names };
  }
  const key = asset === null ? { code: scan.raw_value } : { asset };
  return {
    ...result,
    line: null,
    result: 'asset' in key ? 'counted' : 'unknown',
    fresh: true,
    key,
    names: scan.location,
  };
}

/** That this scan was counted before, and on which line. */
async function countOf(
  ctx: TenantContext,
  session: SessionRow,
  scan: number,
): Promise<{ line_id: number | null } | undefined> {
  const sql = 'SELECT line_id FROM inventory_counts WHERE session_id = ? AND scan_event_id = ?';
  return (await ctx.db.query<{ line_id: number | null }>(sql, [session.id, scan]))[0];
}

/** History shows where it was seen: at the session's location unless the scan says another. */
function located(item: unknown, location: number | null): unknown {
  if (typeof item !== 'object' || item === null || Array.isArray(item) || location === null) return item;
  return { ...item, location: (item as { location?: unknown }).location ?? location };
}

async function answerOf(ctx: TenantContext, session: SessionRow, placed: Placed[]): Promise<CountResult> {
  const counts = placed.filter(({ result }) => result === 'counted' || result === 'unknown');
  const lines = await readLines(
    ctx,
    placed.flatMap(({ line }) => line ?? []),
  );
  const number = (wanted: Result['result']) => placed.filter(({ result }) => result === wanted).length;
  const late = number('late');
  return {
    ...(late > 0 && { detail: refusal(session, late) }),
    session: session.id,
    status: session.status,
    location: session.location,
    counted: counts.length,
    unknown: number('unknown'),
    repeated: number('repeated'),
    late,
    failed: number('failed'),
    results: placed.map(({ fresh, key, names, ...result }, index) => {
      const line = lines.get(result.line ?? 0);
      return { index, ...result, outcome: line?.outcome ?? null, counted_qty: line?.counted_qty ?? null };
    }),
  };
}

const refusal = ({ status }: SessionRow, late: number): string =>
  `This session is ${status}, so ${late === 1 ? 'this scan was' : `${late} scans were`} not counted. ` +
  `${late === 1 ? 'It is kept as a scan event.' : 'They are kept as scan events.'}`;
