/** Setting printers up: where they may be, whose lane they share, and what becomes of their work when they move or go. */
import { isForbidden } from '../../base/address-policy.ts';
import { Conflict, Invalid } from '../../base/errors.ts';
import { type TenantContext, timestamp } from '../../db/context.ts';
import { parseUrl } from '../../devices/printers/url.ts';
import * as lanes from '../../queue/lanes.ts';
import type { Fields } from '../../resource/define.ts';
import * as store from '../../resource/store.ts';
import { startWork } from './enqueue.ts';
import { markAll } from './ledger.ts';
import { type PrinterRow, printers } from './resource.ts';
import { rememberPrinter } from './retention.ts';

export async function create(ctx: TenantContext, values: Fields<typeof printers>): Promise<PrinterRow> {
  const url = checkedUrl(ctx, values.url);
  if (values.is_default) await clearDefault(ctx);
  return store.insert(ctx, printers, { ...values, url, ...unknown }, { lane_id: await laneFor(ctx, url) });
}

/** Of a printer that nobody has talked to. */
const unknown = {
  model: '',
  dpi: null,
  state: 'new',
  reason: '',
  message: '',
  blocked_at: null,
  attention_at: null,
} as const;

export async function update(
  ctx: TenantContext,
  row: PrinterRow,
  changes: Partial<Fields<typeof printers>>,
): Promise<PrinterRow> {
  if (changes.is_default && !row.is_default) await clearDefault(ctx);
  if (changes.url === undefined || changes.url === row.url) return store.update(ctx, printers, row, changes);
  const url = checkedUrl(ctx, changes.url);
  if (url === row.url) return store.update(ctx, printers, row, { ...changes, url });
  const lane = await laneOf(ctx, row.id);
  await ctx.db.execute('UPDATE printers SET lane_id = ? WHERE id = ?', [await laneFor(ctx, url), row.id]);
  await takeAlong(ctx, row, lane, url);
  await dropLane(ctx, lane);
  return store.update(ctx, printers, row, { ...changes, url, ...unknown });
}

export async function remove(ctx: TenantContext, row: PrinterRow): Promise<void> {
  await refuseBusy(ctx, row);
  const lane = await laneOf(ctx, row.id);
  await rememberPrinter(ctx.db, row.id);
  await store.remove(ctx, printers, row.id);
  await dropLane(ctx, lane);
}

/** A path of the server's own files is for whoever has its shell. */
function checkedUrl(ctx: TenantContext, text: string): string {
  const url = parseUrl(text);
  if (ctx.actor.kind === 'system') return url.text;
  if (url.path !== '' && url.host === '' && !devices[url.scheme]?.test(url.path))
    throw new Invalid({
      url: ['A path of the server that is no usual name of a printer is set up by `assetra printer add` alone.'],
    });
  if (isForbidden(url.host))
    throw new Invalid({ url: [`${url.host} is a link-local, metadata, multicast or reserved address.`] });
  return url.text;
}

const devices: Partial<Record<string, RegExp>> = {
  usb: /^\/dev\/(usb\/|usblp|lp)/,
  serial: /^\/dev\/(serial\/|tty)/,
};

/** Its print jobs go on at its new address. Whoever works on one has lost it, and what that was sending is in doubt. */
async function takeAlong(ctx: TenantContext, row: PrinterRow, lane: number, url: string): Promise<void> {
  const jobs = await openJobs(ctx, row);
  await lanes.removeJobs(ctx, lane, ({ print_job }) => jobs.includes(Number(print_job)));
  for (const job of jobs) {
    if (isElsewhere(row.url, url)) await markAll(ctx, job, 'sent', 'unknown', 'It was at the old address.');
    await startWork(ctx, row.id, job);
  }
}

/** What a printer there has is not what it was given here. One that never answers has printed it, for all that one can know. */
function isElsewhere(from: string, to: string): boolean {
  const [old, now] = [parseUrl(from), parseUrl(to)];
  return (old.host !== now.host || old.port !== now.port || old.path !== now.path) && old.options.status !== 'none';
}

async function openJobs({ db }: TenantContext, row: PrinterRow): Promise<number[]> {
  const sql =
    "SELECT id FROM print_jobs WHERE printer_id = ? AND state IN ('queued', 'printing', 'blocked') ORDER BY id";
  return (await db.query<{ id: number }>(sql, [row.id])).map(({ id }) => Number(id));
}

async function refuseBusy(ctx: TenantContext, row: PrinterRow): Promise<void> {
  if ((await openJobs(ctx, row)).length > 0)
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
