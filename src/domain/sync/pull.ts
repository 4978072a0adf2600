/** What a client has not seen: by number of the change log, by a snapshot first, or by time for apps that know no cursor. */
import { type TenantContext, timestamp } from '../../db/context.ts';
import * as changes from '../../queue/changes.ts';
import * as store from '../../resource/store.ts';
import * as assets from '../assets/service.ts';
import { type Cursor, cursorText } from './cursor.ts';
import type { Request } from './wire.ts';

export interface Pulled {
  asset_changes: assets.AssetRow[];
  deleted_asset_ids: number[];
  next_cursor: string;
  has_more: boolean;
  reset_required: boolean;
  server_time: string;
}

type Page = Omit<Pulled, 'next_cursor' | 'server_time'> & { next: Cursor };

const { resource } = assets;

export async function pull(ctx: TenantContext, request: Request): Promise<Pulled> {
  const now = timestamp(ctx);
  const at = await changes.position(ctx);
  if (request.cursor) return told(await follow(ctx, request.cursor, at, request.limit), now);
  if (request.cursor === undefined && request.since !== undefined) return since(ctx, request.since, now, at, request);
  const page = await snapshot(ctx, { epoch: at.epoch, seq: at.head, after: 0 }, at, request.limit);
  // An app without cursors goes on by time: from before the oldest row, as long as it has not seen every row.
  const old = request.cursor === undefined && page.has_more;
  return told(page, old ? await oldest(ctx, now) : now);
}

const told = ({ next, ...page }: Page, server_time: string): Pulled => ({
  ...page,
  next_cursor: cursorText(next),
  server_time,
});

async function follow(ctx: TenantContext, cursor: Cursor, at: changes.Position, limit: number): Promise<Page> {
  const anew = () => snapshot(ctx, { epoch: at.epoch, seq: at.head, after: 0 }, at, limit, true);
  const lost = cursor.epoch !== at.epoch || cursor.seq > at.head || cursor.seq < at.floor;
  if (lost) return anew();
  if (cursor.after !== undefined) return snapshot(ctx, cursor, at, limit);
  const page = await changed(ctx, cursor, at, limit);
  // What was read may have been pruned under the reading.
  return cursor.seq < (await changes.floor(ctx)) ? anew() : page;
}

/** Every asset by id; what changes meanwhile is in the log after `seq`, which is followed at the end. */
async function snapshot(
  ctx: TenantContext,
  { epoch, seq, after = 0 }: Cursor,
  at: changes.Position,
  limit: number,
  reset_required = false,
): Promise<Page> {
  const sql = `SELECT ${resource.selection} FROM ${resource.table} WHERE tenant_id = ? AND id > ? ORDER BY id LIMIT ?`;
  const rows = await ctx.db.query(sql, [ctx.tenant.id, after, limit + 1]);
  const asset_changes = rows.slice(0, limit).map((row) => store.decode(resource, row));
  const cut = rows.length > limit;
  return {
    asset_changes,
    deleted_asset_ids: [],
    next: cut ? { epoch, seq, after: asset_changes.at(-1)!.id } : { epoch, seq },
    has_more: cut || at.head > seq,
    reset_required,
  };
}

/** The assets that the log names next, each once, as they are now. */
async function changed(ctx: TenantContext, { epoch, seq }: Cursor, at: changes.Position, limit: number): Promise<Page> {
  const most = limit * 2;
  const entries = await changes.touched(ctx, 'asset', seq, at.head, most);
  const ids = new Set<number>();
  let last = seq;
  let full = false;
  for (const entry of entries) {
    full = ids.size === limit && !ids.has(entry.entity_id);
    if (full) break;
    ids.add(entry.entity_id);
    last = entry.seq;
  }
  const cut = full || entries.length === most;
  const rows = new Map((await store.allWith(ctx, resource, 'id', [...ids])).map((row) => [row.id, row]));
  return {
    asset_changes: [...ids].flatMap((id) => rows.get(id) ?? []),
    // Also one whose deletion comes later in the log: it is gone already.
    deleted_asset_ids: [...ids].filter((id) => !rows.has(id)),
    next: { epoch, seq: cut ? last : at.head },
    has_more: cut,
    reset_required: false,
  };
}

/** How far an app that goes by time is taken back: longer than any transaction stays open. In ms. */
const overlap = 5 * 60_000;

const moved = (time: string, by: number): string => new Date(Date.parse(time) + by).toISOString();

/**
 * Rows changed since then, less the overlap. The `server_time` of a page that was cut is the last row's time plus the overlap,
 * so that the app, which comes again with it, goes on exactly behind that row and not in circles.
 */
async function since(
  ctx: TenantContext,
  last: string,
  now: string,
  at: changes.Position,
  { limit }: Request,
): Promise<Pulled> {
  const start = (await isAhead(ctx, last, now)) ? beginning : moved(last, -overlap);
  const sql =
    `SELECT ${resource.selection} FROM ${resource.table} WHERE tenant_id = ? AND updated_at > ? ` +
    'ORDER BY updated_at, id LIMIT ?';
  const found = await ctx.db.query(sql, [ctx.tenant.id, start, limit + 1]);
  const rows = found.slice(0, limit).map((row) => store.decode(resource, row));
  const cut = found.length > limit;
  if (cut) rows.push(...(await sameTime(ctx, rows.at(-1)!)));
  const before = await changes.numberBefore(ctx, new Date(start), at);
  const deleted = await changes.deleted(ctx, 'asset', before);
  // Behind the floor nobody knows what was deleted.
  const pruned = before === at.floor && at.floor > 0;
  const cursor = { epoch: at.epoch, seq: cut ? before : at.head, ...(cut && pruned && { seq: at.head, after: 0 }) };
  return {
    asset_changes: rows,
    deleted_asset_ids: [...new Set(deleted)],
    next_cursor: cursorText(cursor),
    has_more: cut,
    reset_required: pruned,
    server_time: cut ? moved(rows.at(-1)!.updated_at, overlap) : now,
  };
}

/** Before every row. */
const beginning = '0001-01-01T00:00:00.000Z';

/**
 * A time that this server cannot have given: the app's own clock, days ahead, or ours was once. What was changed since nobody
 * can tell, so the app gets everything. A row's own time may lie ahead too, and a cut page ends behind it.
 */
async function isAhead(ctx: TenantContext, last: string, now: string): Promise<boolean> {
  if (last <= moved(now, overlap)) return false;
  const sql = `SELECT MAX(updated_at) AS time FROM ${resource.table} WHERE tenant_id = ?`;
  const [row] = await ctx.db.query<{ time: string | null }>(sql, [ctx.tenant.id]);
  return !row?.time || last > moved(row.time, overlap);
}

/** The rows behind this one that were changed in the same millisecond: the app's next question begins after it. */
async function sameTime(ctx: TenantContext, { updated_at, id }: assets.AssetRow): Promise<assets.AssetRow[]> {
  const sql = `SELECT ${resource.selection} FROM ${resource.table} WHERE tenant_id = ? AND updated_at = ? AND id > ? ORDER BY id`;
  return (await ctx.db.query(sql, [ctx.tenant.id, updated_at, id])).map((row) => store.decode(resource, row));
}

async function oldest(ctx: TenantContext, now: string): Promise<string> {
  const sql = `SELECT MIN(updated_at) AS time FROM ${resource.table} WHERE tenant_id = ?`;
  const [row] = await ctx.db.query<{ time: string | null }>(sql, [ctx.tenant.id]);
  return row?.time ?? now;
}
