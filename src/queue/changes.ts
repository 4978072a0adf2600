/**
 * The change log: what each transaction changed, written once before its COMMIT. Committed changes get a gapless number
 * per tenant: with the write where one transaction writes at a time (SQLite), by the sequencer elsewhere.
 */
import { gathered } from '../base/gather.ts';
import { type Context, type TenantContext, timestamp } from '../db/context.ts';
import type { Db, Row } from '../db/database.ts';
import type { Value } from '../db/dialect.ts';
import { listOf } from '../db/lists.ts';
import { advance, headOf, lockHead } from './heads.ts';
import { tell } from './news.ts';
import { unsealedOf } from './seals.ts';
import * as sequencer from './sequencer.ts';

export type Op = 'create' | 'update' | 'delete';

export interface Change {
  /** The resource's name in snake_case: `asset`, `scan_event`. */
  entity: string;
  entity_id: number;
  op: Op;
  /** Changed fields of an update; empty otherwise. */
  fields: string[];
}

/** A change as the log answers it. */
export interface NumberedChange extends Change {
  /** Gapless per tenant, from 1. */
  seq: number;
  actor_id: number | null;
  actor_label: string;
  device: string | null;
  created_at: string;
}

export interface Pulled {
  /** Not the one that a cursor was made in: its numbers mean nothing any more. */
  epoch: string;
  /** Changes up to this one are gone: a cursor below it has missed some. */
  floor: number;
  /** Number of the latest change when the page was read. */
  head: number;
  changes: NumberedChange[];
}

/** A row of asset_state_history before it has its id. */
export type HistoryRecord = { checksum: string } & Record<string, Value>;

/** A change that waits for its transaction's commit; what is written later in it may ask for its id and number. */
export interface Entry extends Omit<Change, 'fields'> {
  tenant_id: number;
  fields: string;
  actor_id: number | null;
  actor_label: string;
  device: string | null;
  created_at: string;
  record: HistoryRecord | null;
  /** Somebody asked for it, so the log's id is to be found out. */
  told: boolean;
  /** The log's id and the number; only once it is written, the number only where one transaction writes at a time. */
  id?: number | undefined;
  seq?: number | undefined;
}

/** The latest change of each row within a transaction. */
const latestOf = new WeakMap<Db, Map<string, Entry>>();

/** Adds to the transaction's changes. */
export function append(ctx: TenantContext, change: Change): void {
  const entry = entryOf(ctx, change, null);
  const latest = latestOf.get(ctx.db) ?? new Map<string, Entry>();
  latestOf.set(ctx.db, latest.set(`${change.entity} ${change.entity_id}`, entry));
  ctx.db.beforeCommit(flush, entry);
  ctx.db.afterCommit(tell);
}

/** The latest change of the row in this transaction, for what is written after it; undefined when it was not changed. */
export function latest(ctx: TenantContext, entity: string, entity_id: number): Entry | undefined {
  // What is told of a change is written after it, also where others that share the transaction told something before.
  ctx.db.beforeCommit(flush);
  const entry = latestOf.get(ctx.db)?.get(`${entity} ${entity_id}`);
  if (entry) entry.told = true;
  return entry;
}

/** Adds a history record, to be written and sealed with the transaction's changes, as one of them. */
export function appendRecord(ctx: TenantContext, record: HistoryRecord): void {
  const change = { entity: 'history_record', entity_id: 0, op: 'create' as const, fields: [] };
  ctx.db.beforeCommit(flush, entryOf(ctx, change, record));
}

/** Gives every change of the tenant that was committed before the call its number, and every record its seal. */
export const catchUp = (ctx: TenantContext): Promise<void> => sequencer.catchUp(ctx.db, ctx.tenant.id);

/** The tenant's changes after number `after`, oldest first; every change committed before the call has its number. */
export async function pull(ctx: TenantContext, after: number, limit: number): Promise<Pulled> {
  const tenant = ctx.tenant.id;
  await catchUp(ctx);
  const head = await headOf(ctx.db, tenant);
  if (!head) return { epoch: '', floor: 0, head: 0, changes: [] };
  const sql =
    'SELECT seq, entity, entity_id, op, fields, actor_id, actor_label, device, created_at FROM change_log ' +
    'WHERE tenant_id = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?';
  const rows = await ctx.db.query<Row>(sql, [tenant, after, head.seq, limit]);
  const changes = rows.map((row) => ({ ...row, fields: JSON.parse(row.fields as string) }) as NumberedChange);
  return { epoch: head.epoch, floor: head.floor, head: head.seq, changes };
}

const askedTogether = 256;
const numbers = gathered(numbersOf, askedTogether);

/** The number of a committed change, by its id in the log; null when it was pruned. Who asks together waits together for the head's lock. */
export const numberOf = async ({ db }: Context, id: number): Promise<number | null> => (await numbers(db, id)) ?? null;

async function numbersOf(db: Db, ids: number[]): Promise<Map<number, number | null>> {
  const { marks, params } = listOf(ids);
  const read = () =>
    db.query<{ id: number; tenant_id: number; seq: number | null }>(
      `SELECT id, tenant_id, seq FROM change_log WHERE id IN ${marks}`,
      params,
    );
  let rows = await read();
  const open = new Set(rows.filter(({ seq }) => seq === null).map(({ tenant_id }) => tenant_id));
  if (open.size > 0) {
    for (const tenant of open) await sequencer.catchUp(db, tenant);
    rows = await read();
  }
  return new Map(rows.map(({ id, seq }) => [id, seq]));
}

/** Where the tenant's numbers stand. */
export type Position = Pick<Pulled, 'epoch' | 'floor' | 'head'>;

/** The same without changes; every change committed before the call has its number. */
export async function position(ctx: TenantContext): Promise<Position> {
  await catchUp(ctx);
  const head = await headOf(ctx.db, ctx.tenant.id);
  return { epoch: head?.epoch ?? '', floor: head?.floor ?? 0, head: head?.seq ?? 0 };
}

/** Number of the last change that was pruned. */
export const floor = async (ctx: TenantContext): Promise<number> => (await headOf(ctx.db, ctx.tenant.id))?.floor ?? 0;

/** A name that the program knows, in the text itself: as a parameter it would keep the partial index of assets from being used. */
const ofKind = (entity: 'asset') => `FROM change_log WHERE tenant_id = ? AND seq > ? AND entity = '${entity}'`;

/** Changes of one kind of row after number `after` and up to `last`, oldest first. */
export function touched(ctx: TenantContext, entity: 'asset', after: number, last: number, limit: number) {
  const sql = `SELECT seq, entity_id ${ofKind(entity)} AND seq <= ? ORDER BY seq LIMIT ?`;
  return ctx.db.query<{ seq: number; entity_id: number }>(sql, [ctx.tenant.id, after, last, limit]);
}

/** Rows of one kind that were deleted after number `after`. */
export async function deleted(ctx: TenantContext, entity: 'asset', after: number): Promise<number[]> {
  const sql = `SELECT entity_id ${ofKind(entity)} AND op = 'delete' ORDER BY seq`;
  const rows = await ctx.db.query<{ entity_id: number }>(sql, [ctx.tenant.id, after]);
  return rows.map(({ entity_id }) => entity_id);
}

/** How much older than its neighbours in the log a change may be: a transaction is written down when it ends. In ms. */
const disorder = 60_000;

/** A number before which everything was changed by that moment: found by halving, as the log has no index by time. */
export async function numberBefore(ctx: TenantContext, moment: Date, { floor, head }: Position): Promise<number> {
  const sql = 'SELECT created_at FROM change_log WHERE tenant_id = ? AND seq = ?';
  const at = new Date(moment.getTime() - disorder).toISOString();
  let [low, high] = [floor, head];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const [change] = await ctx.db.query<{ created_at: string }>(sql, [ctx.tenant.id, middle]);
    // One that was pruned meanwhile is older than any that is left.
    if (!change || change.created_at <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}

const entryOf = (ctx: TenantContext, change: Change, record: HistoryRecord | null): Entry => ({
  ...change,
  fields: JSON.stringify(change.fields),
  tenant_id: ctx.tenant.id,
  actor_id: ctx.actor.kind === 'user' ? ctx.actor.id : null,
  actor_label: ctx.actor.label,
  device: ctx.device ?? null,
  created_at: timestamp(ctx),
  record,
  told: false,
});

/** Records first, then the changes that name them, all of the transaction's in one statement each. */
async function flush(tx: Db, entries: Entry[]): Promise<void> {
  const records = entries.flatMap(({ record }) => record ?? []);
  const ids = await tx.insertAll('asset_state_history', records);
  const rows = entries.map((entry) => rowOf(entry, entry.record ? ids.shift()! : null));
  // Neighbours of one tenant are numbered by one statement.
  if (!tx.oneWriter) return write(tx, entries, rows);
  for (const tenant of new Set(rows.map(({ tenant_id }) => tenant_id)))
    await writeNumbered(
      tx,
      tenant,
      entries.filter(({ tenant_id }) => tenant_id === tenant),
      rows.filter(({ tenant_id }) => tenant_id === tenant),
    );
}

/** Ids are asked for only when something tells one of the changes: on MySQL nobody else needs them in the order of the rows. */
async function write(tx: Db, entries: readonly Entry[], unsorted: readonly LogRow[]): Promise<void> {
  const order = entries.map((entry, index) => ({ entry, row: unsorted[index]! }));
  order.sort((one, two) => one.row.tenant_id - two.row.tenant_id);
  const rows = order.map(({ row }) => row);
  if (!entries.some(({ told }) => told)) return tx.insertMany('change_log', rows);
  const ids = await tx.insertAll('change_log', rows);
  for (const [index, { entry }] of order.entries()) entry.id = ids[index];
}

async function writeNumbered(
  tx: Db,
  tenant: number,
  entries: readonly Entry[],
  rows: readonly LogRow[],
): Promise<void> {
  const head = await lockHead(tx, tenant);
  await tx.insertMany(
    'change_log',
    rows.map((row, index) => ({ ...row, seq: head.seq + index + 1 })),
  );
  for (const [index, entry] of entries.entries()) entry.seq = head.seq + index + 1;
  await advance(tx, head, rows.length, unsealedOf(rows));
}

type LogRow = ReturnType<typeof rowOf>;

const rowOf = ({ record, told, id, seq, ...entry }: Entry, history_id: number | null) => ({
  ...entry,
  entity_id: history_id ?? entry.entity_id,
  seq: null as number | null,
  history_id,
  content_hash: record?.checksum ?? null,
});
