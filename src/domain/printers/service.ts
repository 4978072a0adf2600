/** Label printers: set up, asked, given work; and what became of each label. */

import { Invalid, NotFound } from '../../base/errors.ts';
import { metrics } from '../../base/metrics.ts';
import type { Context, TenantContext } from '../../db/context.ts';
import type { Db } from '../../db/database.ts';
import { guarded, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import type * as assets from '../assets/service.ts';
import * as control from './control.ts';
import { enqueue, enqueueTest, namesOf, type PrintRequest, printerOf } from './enqueue.ts';
import { waiting } from './job.ts';
import { type PrinterRow, type PrintJobRow, printers, printJobs } from './resource.ts';
import * as setup from './setup.ts';

export type { Chosen, LiveStatus } from './control.ts';
export { type PrintRequest, printerOf } from './enqueue.ts';
export { printing } from './job.ts';
export type { PrinterRow, PrintJobRow } from './resource.ts';
export { prune } from './retention.ts';

export const served = serve(printers, { create: setup.create, update: setup.update, remove: setup.remove });
export const servedJobs = serve(printJobs, {}, ['list', 'get']);

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

/** Every printer of every tenant. */
export async function everyPrinter(db: Db): Promise<PrinterRow[]> {
  const rows = await db.query(`SELECT ${printers.selection} FROM printers ORDER BY id`);
  return rows.map((row) => store.decode(printers, row));
}

export const probe = control.probe;

export interface PrintersHealth {
  status: 'healthy' | 'degraded';
  component: 'printers';
  printers: { name: string; tenant: number; state: PrinterRow['state']; reason?: string; since?: string | null }[];
}

/** What `/health/` says of the printers, as runners last saw them. */
export async function health(db: Db): Promise<PrintersHealth> {
  const rows = await everyPrinter(db);
  const seen = rows.map(({ name, tenant, state, reason, blocked_at }) => ({
    name,
    tenant,
    state,
    ...(state === 'blocked' && { reason, since: blocked_at }),
  }));
  const blocked = seen.some(({ state }) => state === 'blocked');
  return { status: blocked ? 'degraded' : 'healthy', component: 'printers', printers: seen };
}

/** Before the numbers are read. */
export async function measure(ctx: Context): Promise<void> {
  const { queued, blocked } = await waiting(ctx);
  metrics.labelsQueued.set(queued);
  metrics.printersBlocked.reset();
  for (const [reason, count] of Object.entries(blocked)) metrics.printersBlocked.set({ reason }, count);
}
