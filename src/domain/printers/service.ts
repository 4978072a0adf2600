/** Label printers: set up, asked, given work; and what became of each label. */
import { Conflict, Invalid, NotFound } from '../../base/errors.ts';
import { metrics } from '../../base/metrics.ts';
import { type Context, type TenantContext, timestamp } from '../../db/context.ts';
import type { Db } from '../../db/database.ts';
import { parseUrl } from '../../devices/printers/url.ts';
import * as lanes from '../../queue/lanes.ts';
import type { Fields } from '../../resource/define.ts';
import { guarded, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import type * as assets from '../assets/service.ts';
import * as control from './control.ts';
import { enqueue, enqueueTest, namesOf, type PrintRequest, printerOf } from './enqueue.ts';
import { waiting } from './job.ts';
import { type PrinterRow, type PrintJobRow, printers, printJobs } from './resource.ts';

export type { Chosen, LiveStatus } from './control.ts';
export { type PrintRequest, printerOf } from './enqueue.ts';
export { printing } from './job.ts';
export type { PrinterRow, PrintJobRow } from './resource.ts';

export const served = serve(printers, { create, update, remove });
export const servedJobs = serve(printJobs, {}, ['list', 'get']);

async function create(ctx: TenantContext, values: Fields<typeof printers>): Promise<PrinterRow> {
  const url = checkedUrl(ctx, values.url);
  if (values.is_default) await clearDefault(ctx);
  const known = {
    model: '',
    dpi: null,
    state: 'new',
    reason: '',
    message: '',
    blocked_at: null,
    attention_at: null,
  } as const;
  return store.insert(ctx, printers, { ...values, url, ...known }, { lane_id: await laneFor(ctx, url) });
}

async function update(
  ctx: TenantContext,
  row: PrinterRow,
  changes: Partial<Fields<typeof printers>>,
): Promise<PrinterRow> {
  if (changes.is_default && !row.is_default) await clearDefault(ctx);
  if (changes.url === undefined) return store.update(ctx, printers, row, changes);
  const url = checkedUrl(ctx, changes.url);
  if (url === row.url) return store.update(ctx, printers, row, { ...changes, url });
  await refuseBusy(ctx, row);
  const lane = await laneOf(ctx, row.id);
  await ctx.db.execute('UPDATE printers SET lane_id = ? WHERE id = ?', [await laneFor(ctx, url), row.id]);
  await dropLane(ctx, lane);
  return store.update(ctx, printers, row, {
    ...changes,
    url,
    model: '',
    dpi: null,
    state: 'new',
    reason: '',
    message: '',
  });
}

async function remove(ctx: TenantContext, row: PrinterRow): Promise<void> {
  await refuseBusy(ctx, row);
  const lane = await laneOf(ctx, row.id);
  await store.remove(ctx, printers, row.id);
  await dropLane(ctx, lane);
}

/** A path of the server's own files is for whoever has its shell. */
function checkedUrl(ctx: TenantContext, text: string): string {
  const url = parseUrl(text);
  if ((url.scheme === 'file' || url.scheme === 'dir') && ctx.actor.kind !== 'system')
    throw new Invalid({ url: ['A file or folder of the server is set up by `assetra printer add` alone.'] });
  return url.text;
}

async function refuseBusy(ctx: TenantContext, row: PrinterRow): Promise<void> {
  const sql = "SELECT id FROM print_jobs WHERE printer_id = ? AND state IN ('queued', 'printing', 'blocked') LIMIT 1";
  if ((await ctx.db.query(sql, [row.id])).length > 0)
    throw new Conflict(`${row.name} has labels to print. Wait for them, or give them up with \`cancel\`.`);
}

/** One lane for one printer, whoever has set it up under whatever name: so there is one writer at a time. */
async function laneFor(ctx: TenantContext, url: string): Promise<number> {
  // Locks the site's printers: of two made at once each would make a lane.
  await ctx.db.query(`SELECT id FROM auth_version WHERE id = 1${ctx.db.forUpdate}`);
  const sql = 'SELECT lane_id FROM printers WHERE url = ? ORDER BY id LIMIT 1';
  const [known] = await ctx.db.query<{ lane_id: number }>(sql, [url]);
  return known ? Number(known.lane_id) : lanes.make(ctx, 'labels', { max_in_flight: 1, ordered: true });
}

async function laneOf(ctx: TenantContext, id: number): Promise<number> {
  const [row] = await ctx.db.query<{ lane_id: number }>('SELECT lane_id FROM printers WHERE id = ?', [id]);
  return Number(row!.lane_id);
}

async function dropLane(ctx: TenantContext, lane: number): Promise<void> {
  const others = await ctx.db.query('SELECT id FROM printers WHERE lane_id = ? LIMIT 1', [lane]);
  if (others.length === 0) await lanes.remove(ctx, lane);
}

async function clearDefault(ctx: TenantContext): Promise<void> {
  await ctx.db.query(`SELECT id FROM tenants WHERE id = ?${ctx.db.forUpdate}`, [ctx.tenant.id]);
  const sql = 'UPDATE printers SET is_default = ?, updated_at = ? WHERE tenant_id = ? AND is_default = ?';
  await ctx.db.execute(sql, [false, timestamp(ctx), ctx.tenant.id, true]);
}

const executing = <T>(ctx: Context, work: (inside: TenantContext) => Promise<T>, long = false): Promise<T> =>
  guarded(ctx, 'printers', 'execute', work, { long });

/** Writes a print job for a batch or for assets; a runner prints it. */
export const print = (
  ctx: Context,
  printer: string | number | undefined,
  request: PrintRequest,
): Promise<PrintJobRow> =>
  executing(ctx, async (inside) => enqueue(inside, await printerOf(inside, printer), request), true);

export interface LabelRequest {
  asset: assets.AssetRow;
  /** Id or name; the tenant's default unless said. */
  printer?: string | number | undefined;
  template?: string | number | undefined;
}

/** The label of one asset, in the caller's transaction: printed once that commits. */
export const printLabel = (ctx: TenantContext, { asset, printer, template }: LabelRequest): Promise<PrintJobRow> =>
  executing(ctx, async (inside) => {
    const named = template === undefined ? undefined : String(template);
    return enqueue(inside, await printerOf(inside, printer), { source: { asset }, template: named });
  });

export const test = (ctx: Context, id: number, template?: string): Promise<PrintJobRow> =>
  executing(ctx, async (inside) => enqueueTest(inside, await store.get(inside, printers, id), template), true);

/** How each printer of the tenant stands, as its row says. */
export async function states({ db, tenant }: TenantContext): Promise<Pick<PrinterRow, 'name' | 'state' | 'message'>[]> {
  return db.query('SELECT name, state, message FROM printers WHERE tenant_id = ? ORDER BY name', [tenant.id]);
}

export const status = (ctx: Context, id: number): Promise<control.LiveStatus> =>
  guarded(ctx, 'printers', 'view', async (inside) => control.look(inside, await store.get(inside, printers, id)));

export const resume = (ctx: Context, id: number, chosen: control.Chosen): Promise<{ labels: number }> =>
  executing(ctx, async (inside) => ({
    labels: await control.resume(inside, await store.get(inside, printers, id), chosen),
  }));

export const cancel = (ctx: Context, id: number, chosen: control.Chosen): Promise<{ print_jobs: number[] }> =>
  executing(ctx, async (inside) => ({
    print_jobs: await control.cancel(inside, await store.get(inside, printers, id), chosen),
  }));

/** Asks a printer what it is, and keeps it. */
export async function introduce(ctx: Context, printer: PrinterRow) {
  const found = await control.probe(printer.url);
  const row = await guarded(ctx, 'printers', 'change', (inside) => control.learn(inside, printer, found.identity));
  return { printer: row, ...found };
}

/** The printer of that name or id. NotFound names those there are. */
export const named = (ctx: Context, name: string): Promise<PrinterRow> =>
  guarded(ctx, 'printers', 'view', async (inside) => {
    try {
      return await printerOf(inside, name);
    } catch (error) {
      if (!(error instanceof Invalid)) throw error;
      throw new NotFound(`There is no printer "${name}". There are: ${(await namesOf(inside)).join(', ') || 'none'}.`);
    }
  });

/** Every printer of every tenant, for `doctor`; of one address once. */
export async function everyPrinter(db: Db): Promise<PrinterRow[]> {
  const rows = await db.query(`SELECT ${printers.selection} FROM printers ORDER BY id`);
  return rows.map((row) => store.decode(printers, row));
}

export const probe = control.probe;

/** Before the numbers are read. */
export async function measure(ctx: Context): Promise<void> {
  const { queued, blocked } = await waiting(ctx);
  metrics.labelsQueued.set(queued);
  metrics.printersBlocked.reset();
  for (const [reason, count] of Object.entries(blocked)) metrics.printersBlocked.set({ reason }, count);
}
