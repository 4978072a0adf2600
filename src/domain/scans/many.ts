/**
 * Many scans in one transaction: what they ask is asked once for all, and they are stored with one statement. When that fails,
 * each is tried by itself in a savepoint. The rules are those of a single scan.
 */
import { type AppError, Conflict, isRefusal } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { TenantContext } from '../../db/context.ts';
import { isThere } from '../../resource/references.ts';
import * as store from '../../resource/store.ts';
import * as assets from '../assets/service.ts';
import * as barcodes from '../barcodes/service.ts';
import {
  checkSame,
  inputOf,
  type Lookups,
  type Prepared,
  prepare,
  recordOnce,
  remember,
  type ScanInput,
} from './event.ts';
import { type ScanRow, scanEvents } from './resource.ts';

/** What became of a scan: stored, known before, or refused by an error. */
export type Outcome = { scan: ScanRow; repeated: boolean } | { refusal: AppError };

export interface Manner {
  /** Ids rise in the order of the bodies, for whoever sends scans in no other order ever. */
  inOrder?: boolean;
  /** The assets that they name are locked before, in one order for all, for whoever changes them next. */
  hold?: boolean;
}

/** In the caller's transaction, which a failure of the database ends; an outcome for each body, in their order. */
export async function recordMany(
  ctx: TenantContext,
  bodies: readonly unknown[],
  manner: Manner = {},
): Promise<Outcome[]> {
  const read = bodies.map((body) => refusable(() => ({ input: inputOf(body) })));
  // Nearly every scan is new, and a planner without statistics may read the whole table for a list of ids: so the unique index
  // tells that some were there before, and only then is it asked which.
  for (const ask of [false, true]) {
    try {
      return await ctx.db.savepoint(() => together(ctx, read, ask, manner));
    } catch (error) {
      if (isFailure(error)) throw error;
    }
  }
  // A request beside this one brought the same event, or the database refuses a value that the rules let pass.
  return alone(ctx, read);
}

type Read = { input: ScanInput } | { refusal: AppError };

/** What to tell of one item; a fault that nobody foresaw is its own too, and goes into the log. */
export function refusalOf(log: Log, error: unknown): AppError {
  if (isFailure(error)) throw error;
  if (isRefusal(error)) return error;
  log.error({ err: error }, 'An item could not be stored.');
  return new Conflict('This item could not be stored. The log of the server says why.', { cause: error });
}

/** A database that is away or gave the transaction up helps no single scan either. */
const isFailure = (error: unknown): boolean => (error as { status?: number }).status === 503;

async function together(ctx: TenantContext, read: readonly Read[], ask: boolean, manner: Manner): Promise<Outcome[]> {
  const inputs = read.flatMap((one) => ('input' in one ? one.input : []));
  const known = ask ? await knownOf(ctx, inputs) : new Map<string, ScanRow>();
  const lookups = await lookupsFor(ctx, inputs, manner.hold);
  const fresh = new Map<string, Prepared>();
  const decided: (Outcome | { fresh: string; repeated: boolean })[] = [];
  for (const one of read) decided.push('input' in one ? await decide(ctx, one.input) : one);
  const prepared = [...fresh.values()];
  const rows = prepared.map(({ values }) => values);
  const stored = await store.insertAll(ctx, scanEvents, manner.inOrder ? rows : inOneOrder(ctx, rows));
  const scans = new Map(stored.map((scan) => [scan.client_event_id!, scan]));
  for (const { values, asset } of prepared) remember(ctx, scans.get(values.client_event_id!)!, asset);
  return decided.map((one) => ('fresh' in one ? { scan: scans.get(one.fresh)!, repeated: one.repeated } : one));

  async function decide(inside: TenantContext, input: ScanInput) {
    const { client_event_id: id } = input;
    return refusableLater(async () => {
      const scan = known.get(id);
      const before = scan ?? fresh.get(id)?.values;
      if (before) checkSame(before, input);
      if (scan) return { scan, repeated: true };
      if (!before) fresh.set(id, await prepare(inside, input, lookups));
      return { fresh: id, repeated: before !== undefined };
    });
  }
}

/**
 * Where several transactions write at once, two requests that bring the same new scans wait for each other's rows: in one order
 * for all, or they wait in a ring. Elsewhere the ids are in the order of capture.
 */
const inOneOrder = (ctx: TenantContext, rows: Prepared['values'][]) =>
  ctx.db.oneWriter ? rows : rows.sort((one, two) => (one.client_event_id! < two.client_event_id! ? -1 : 1));

async function alone(ctx: TenantContext, read: readonly Read[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const one of read) outcomes.push('refusal' in one ? one : await byItself(ctx, one.input));
  return outcomes;
}

async function byItself(ctx: TenantContext, input: ScanInput): Promise<Outcome> {
  const attempt = () => ctx.db.savepoint(() => recordOnce(ctx, input));
  try {
    return await attempt().catch((error) => {
      // The second time it meets the scan that another request has stored in between.
      if (error instanceof Conflict) return attempt();
      throw error;
    });
  } catch (error) {
    return { refusal: refusalOf(ctx.log, error) };
  }
}

async function knownOf(ctx: TenantContext, inputs: readonly ScanInput[]): Promise<Map<string, ScanRow>> {
  const given = inputs.filter((input) => input.given).map((input) => input.client_event_id);
  const scans = await store.allWith(ctx, scanEvents, 'client_event_id', [...new Set(given)]);
  return new Map(scans.map((scan) => [scan.client_event_id!, scan]));
}

/** What these scans will ask, in a statement or two; what is not foreseen is asked when it comes up. */
async function lookupsFor(ctx: TenantContext, inputs: readonly ScanInput[], hold = false): Promise<Lookups> {
  const named = [...new Set(inputs.flatMap(({ asset }) => asset ?? []))];
  const claimable = inputs.filter(({ asset }) => asset !== null);
  const texts = inputs.filter(({ asset }) => asset === null).flatMap(({ raw_value }) => textsOf(raw_value));
  const codes = await assets.byCodes(ctx, [...new Set(texts)]);
  const coded = [...codes.values()].flatMap((asset) => asset?.id ?? []);
  if (hold && !ctx.db.oneWriter) await assets.byIds(ctx, [...new Set(coded)], true);
  const rows = new Map((await store.allWith(ctx, assets.resource, 'id', named)).map((row) => [row.id, row]));
  const claims = claimable.map(({ raw_value }) => barcodes.candidates(raw_value).text);
  const unclaimed = await assets.unclaimedOf(ctx, [...new Set(claims)]);
  // A scan of this batch may claim one; whoever comes after asks then.
  for (const text of unclaimed) codes.delete(text);
  const places = new Map<number, Promise<boolean>>();
  return {
    byCode: (inside, text) => (codes.has(text) ? Promise.resolve(codes.get(text)) : assets.byCode(inside, text)),
    byId: async (_, id) => rows.get(id),
    mayClaim: (text) => unclaimed.has(text) || text !== text.trimEnd(),
    exists: async (inside, ref, id) => {
      if (ref.table === assets.resource.table) return rows.has(id);
      if (!places.has(id)) places.set(id, isThere(inside, ref, id));
      return places.get(id)!;
    },
  };
}

const textsOf = (raw: string): string[] => {
  const { text, lookups } = barcodes.candidates(raw);
  return [raw, text, ...lookups];
};

function refusable<T>(work: () => T): T | { refusal: AppError } {
  try {
    return work();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { refusal: error };
  }
}

async function refusableLater<T>(work: () => Promise<T>): Promise<T | { refusal: AppError }> {
  try {
    return await work();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { refusal: error };
  }
}
