/** What a screen shows as it happens: the newest assets and scans, then whatever changes. */
import { z } from 'zod';
import type { Context, TenantContext } from '../../db/context.ts';
import * as changes from '../../queue/changes.ts';
import type { AnyResource, RowOf } from '../../resource/define.ts';
import { instant } from '../../resource/fields.ts';
import { ownFilters, type QueryText } from '../../resource/pages.ts';
import { guarded, type Operation } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import * as assets from '../assets/service.ts';
import * as devices from '../devices/service.ts';
import * as scans from '../scans/service.ts';

const newest = 100;
/** Changes that one message of the stream may hold. */
const batch = 500;

const scanEvents = scans.served.resource;
const { actions } = devices;
const Query = z.object({ since: instant().optional() });
export const LiveData = z.object({
  assets: z.array(assets.resource.read),
  scan_events: z.array(scanEvents.read),
  /** What scans of a scanner with a mode did, and the mode that they led to. */
  device_actions: z.array(actions.read),
  /** Where `live-data/stream/` goes on, as its Last-Event-ID. */
  cursor: z.string(),
});

export interface Live {
  assets: assets.AssetRow[];
  scan_events: scans.ScanRow[];
  device_actions: devices.ActionRow[];
  cursor: string;
}

export interface News extends Live {
  deleted_assets: number[];
  /** The cursor means nothing here any more (a restore, or too old): this is where things stand. */
  reset: boolean;
  /** Whether more is there already. */
  more: boolean;
}

/** The newest rows; with `since` only those changed (assets) or recorded (scans) after it. */
export const snapshot = (ctx: Context, query: QueryText = {}): Promise<Live> =>
  guarded(ctx, 'assets', 'view', async (inside) => {
    const { since } = ownFilters(Query, { since: withSign(query.since) });
    // First: what is committed meanwhile is told twice rather than not at all.
    const cursor = await cursorNow(inside);
    return {
      assets: await newestOf(inside, assets.resource, since ? 'updated_at' : 'created_at', since),
      scan_events: await newestOf(inside, scanEvents, 'created_at', since),
      device_actions: await newestOf(inside, actions, 'created_at', since),
      cursor,
    };
  });

/** A `+` that was sent as it is has become a blank. */
const withSign = (since: QueryText[string]): QueryText[string] =>
  typeof since === 'string' ? since.replace(/ (?=\d\d:\d\d$)/, '+') : since;

async function newestOf<R extends AnyResource>(
  ctx: TenantContext,
  resource: R,
  column: 'created_at' | 'updated_at',
  since: string | undefined,
): Promise<RowOf<R>[]> {
  const newer = since === undefined ? '' : `AND ${column} > ? `;
  const sql =
    `SELECT ${resource.selection} FROM ${resource.table} WHERE tenant_id = ? ${newer}` +
    `ORDER BY ${column} DESC, id DESC LIMIT ${newest}`;
  const rows = await ctx.db.query(sql, [ctx.tenant.id, ...(since === undefined ? [] : [since])]);
  return rows.map((row) => store.decode(resource, row));
}

const cursorText = (epoch: string, seq: number): string => `${epoch}:${seq}`;

async function cursorNow(ctx: TenantContext): Promise<string> {
  const { epoch, head } = await changes.pull(ctx, Number.MAX_SAFE_INTEGER, 1);
  return cursorText(epoch, head);
}

/** What changed after the cursor, as the rows are now; everything when the cursor cannot be gone on from. */
export const after = (ctx: Context, cursor: string): Promise<News> =>
  guarded(ctx, 'assets', 'view', async (inside) => {
    const [, epoch, digits] = /^([\w-]{0,40}):(\d{1,15})$/.exec(cursor) ?? [];
    const seq = Number(digits);
    const pulled = digits === undefined ? undefined : await changes.pull(inside, seq, batch);
    // Before the first change a tenant has no epoch yet.
    const known = pulled && (epoch === pulled.epoch || (epoch === '' && seq === 0));
    if (!known || seq < pulled.floor || seq > pulled.head)
      return { ...(await snapshot(inside)), deleted_assets: [], reset: true, more: false };
    const changed = (entity: string) =>
      new Set(pulled.changes.filter((change) => change.entity === entity).map(({ entity_id }) => entity_id));
    const touched = changed('asset');
    const events = await rowsOf(inside, scanEvents, changed('scan_event'));
    // With the scanned ones, so that a screen can say at once what was scanned.
    const scanned = events.flatMap(({ asset }) => asset ?? []);
    const rows = await rowsOf(inside, assets.resource, new Set([...touched, ...scanned]));
    const present = new Set(rows.map(({ id }) => id));
    return {
      assets: rows,
      scan_events: events,
      device_actions: await rowsOf(inside, actions, changed(actions.entity)),
      deleted_assets: [...touched].filter((id) => !present.has(id)),
      cursor: cursorText(pulled.epoch, pulled.changes.at(-1)?.seq ?? seq),
      reset: false,
      more: pulled.changes.length === batch,
    };
  });

async function rowsOf<R extends AnyResource>(ctx: TenantContext, resource: R, ids: Set<number>): Promise<RowOf<R>[]> {
  const rows = await store.allWith(ctx, resource, 'id', [...ids]);
  return rows.sort((one, two) => one.id - two.id);
}

export const liveOperations: Operation[] = [
  {
    id: 'live-data.get',
    method: 'GET',
    path: 'live-data',
    tag: 'live-data',
    summary: 'The newest assets and scans, or what is newer than a moment',
    area: 'assets',
    action: 'view',
    kind: 'value',
    status: 200,
    query: Query,
    answer: LiveData,
    run: (ctx, input) => snapshot(ctx, input.query),
  },
];
