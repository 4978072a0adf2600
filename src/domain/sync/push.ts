/** What apps send, in chunks of one transaction each: a faulty item leaves the others standing, a repeated one changes nothing. */
import canonicalize from 'canonicalize';
import type { z } from 'zod';
import { type AppError, isRefusal } from '../../base/errors.ts';
import { sha256, uuidOf } from '../../base/ids.ts';
import type { TenantContext } from '../../db/context.ts';
import { UniqueViolation } from '../../db/errors.ts';
import { parse } from '../../resource/parse.ts';
import { guarded } from '../../resource/serve.ts';
import * as scans from '../scans/service.ts';
import * as conflicts from './conflicts.ts';
import { type EditInput, type Merged, merge } from './edits.ts';
import * as quarantine from './quarantine.ts';
import { Acknowledgement, type ConflictAnswer, Edit, errorsOf, type ItemResult, type RejectedScan } from './wire.ts';

/** Items of one transaction. */
const chunk = 100;

export interface PushedScans {
  accepted: number[];
  rejected: RejectedScan[];
  results: ItemResult[];
}

export async function pushScans(ctx: TenantContext, items: readonly unknown[]): Promise<PushedScans> {
  const pushed: PushedScans = { accepted: [], rejected: [], results: [] };
  for (let from = 0; from < items.length; from += chunk) {
    const bodies = items.slice(from, from + chunk);
    const write = async (inside: TenantContext) => {
      const outcomes = await scans.recordMany(
        inside,
        bodies.map((body) => identified(inside, body)),
      );
      await quarantine.keep(
        inside,
        outcomes.flatMap((one, index) =>
          'refusal' in one ? { kind: 'scan_event', item: bodies[index], reason: one.refusal.message } : [],
        ),
      );
      return outcomes;
    };
    const outcomes = await guarded(ctx, 'assets', 'create', write, { long: true });
    for (const [index, outcome] of outcomes.entries()) tell(pushed, from + index, bodies[index], outcome);
  }
  return pushed;
}

/**
 * A scan without an id would be stored again with every repetition of the request, so its content names it. Without a time of
 * capture that would take a second scan of the same code for the first: then it is new each time.
 */
function identified(ctx: TenantContext, body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  const { client_event_id, ...rest } = body as Record<string, unknown>;
  if (client_event_id !== undefined && client_event_id !== null) return body;
  if (!rest.captured_at && !rest.offline_captured_at) return rest;
  return { ...rest, client_event_id: uuidOf(sha256(canonicalize([ctx.device ?? '', rest])!)) };
}

function tell(pushed: PushedScans, index: number, body: unknown, outcome: scans.Outcome): void {
  const base = { list: 'scan_events', index } as const;
  if ('refusal' in outcome) {
    const { refusal } = outcome;
    const sent = (body as { client_event_id?: unknown } | null)?.client_event_id;
    const client_event_id = typeof sent === 'string' ? sent.slice(0, 200) : null;
    pushed.rejected.push({ index, client_event_id, reason: refusal.message, errors: errorsOf(refusal) });
    pushed.results.push({ ...base, status: 'rejected', id: null, detail: refusal.message });
    return;
  }
  const { scan, repeated } = outcome;
  if (!repeated) scans.count(scan);
  pushed.accepted.push(scan.id);
  pushed.results.push({ ...base, status: repeated ? 'duplicate' : 'applied', id: scan.id, detail: null });
}

export interface PushedEdits {
  conflicts: ConflictAnswer[];
  results: ItemResult[];
}

export async function pushEdits(ctx: TenantContext, items: readonly unknown[]): Promise<PushedEdits> {
  const read = items.map((item, index) => ({ index, ...readEdit(item) }));
  const results: ItemResult[] = [];
  const found: { index: number; conflicts: ConflictAnswer[] }[] = [];
  for (const part of parts(read)) {
    const write = async (inside: TenantContext) => {
      const outcomes: { index: number; outcome: Merged | AppError }[] = [];
      for (const one of part) {
        const outcome = one.input ? await mergeOne(inside, one.input) : one.refusal!;
        outcomes.push({ index: one.index, outcome });
      }
      await quarantine.keep(inside, outcomes.flatMap(unstorable));
      return outcomes;
    };
    for (const { index, outcome } of await guarded(ctx, 'assets', 'change', write, { long: true })) {
      const id = read[index]!.input?.id ?? null;
      const status = 'status' in outcome && 'conflicts' in outcome ? outcome.status : ('rejected' as const);
      const detail = 'message' in outcome ? outcome.message : null;
      results.push({ list: 'asset_changes', index, status, id, detail });
      if ('conflicts' in outcome) found.push({ index, conflicts: outcome.conflicts });
    }
  }
  const inOrder = <T extends { index: number }>(list: T[]) => list.sort((one, two) => one.index - two.index);
  return { results: inOrder(results), conflicts: inOrder(found).flatMap((one) => one.conflicts) };

  function unstorable({ index, outcome }: { index: number; outcome: Merged | AppError }): quarantine.Unstorable[] {
    return 'message' in outcome ? [{ kind: 'asset_change', item: items[index], reason: outcome.message }] : [];
  }
}

interface ReadEdit {
  input?: EditInput;
  refusal?: AppError;
}

function readEdit(item: unknown): ReadEdit {
  try {
    return { input: parse(Edit, item) };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { refusal: error };
  }
}

/**
 * Two edits of one asset are never in one transaction: history, which says what was written since, is written at its end. By id
 * within a part, so that two requests do not wait for each other.
 */
function parts<T extends ReadEdit>(read: readonly T[]): T[][] {
  const all: T[][] = [];
  let ids = new Set<number>();
  for (const one of read) {
    const last = all.at(-1);
    const id = one.input?.id;
    if (!last || last.length === chunk || (id !== undefined && ids.has(id))) {
      all.push([one]);
      ids = new Set();
    } else last.push(one);
    if (id !== undefined) ids.add(id);
  }
  return all.map((part) => part.sort((one, two) => (one.input?.id ?? 0) - (two.input?.id ?? 0)));
}

async function mergeOne(ctx: TenantContext, input: EditInput): Promise<Merged | AppError> {
  const attempt = () => ctx.db.savepoint(() => merge(ctx, input));
  try {
    return await attempt().catch((error) => {
      // The same edit of a deleted asset, which nobody could lock, came twice at once.
      if (error instanceof UniqueViolation) return attempt();
      throw error;
    });
  } catch (error) {
    return scans.refusalOf(ctx.log, error);
  }
}

export interface Acknowledged {
  ids: string[];
  results: ItemResult[];
}

export async function acknowledge(ctx: TenantContext, items: readonly unknown[]): Promise<Acknowledged> {
  const done: Acknowledged = { ids: [], results: [] };
  for (const [index, item] of items.entries()) {
    const base = { list: 'conflict_acknowledgements', index } as const;
    try {
      const sent: z.output<typeof Acknowledgement> = parse(Acknowledgement, item);
      const settled = await guarded(ctx, 'assets', 'change', (inside) => conflicts.settle(inside, sent));
      done.ids.push(String(Number(sent.conflict_id)));
      const status = settled ? 'applied' : 'duplicate';
      done.results.push({ ...base, status, id: Number(sent.conflict_id), detail: null });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      done.results.push({ ...base, status: 'rejected', id: null, detail: error.message });
    }
  }
  return done;
}
