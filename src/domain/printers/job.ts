/** The kind of job that prints: one for each print job, in its printer's lane. */
import { type Context, type TenantContext, timestamp } from '../../db/context.ts';
import { sentenceOf } from '../../devices/printers/printer.ts';
import * as changes from '../../queue/changes.ts';
import type { Job, JobKind, Verdict } from '../../queue/kind.ts';
import type { LabelTemplate } from '../../render/labels.ts';
import * as store from '../../resource/store.ts';
import * as batches from '../batches/service.ts';
import * as outbox from '../outbox/service.ts';
import { rest, tellAttention } from './attention.ts';
import { startWork } from './enqueue.ts';
import { type Fed, Feed } from './feed.ts';
import { endOf, markAll, progressOf } from './ledger.ts';
import { openStates, type PrinterRow, type PrintJobRow, printers, printJobs } from './resource.ts';

interface Payload {
  print_job: number;
}

/** Between tries at a printer that cannot print: in its first minute, and then. In ms. */
const [soon, later] = [1_000, 5_000];

export const printing: JobKind<Payload, Fed> = {
  kind: 'labels.print',
  queue: 'labels',
  yields: true,
  async perform(ctx, job, signal) {
    const inside = ctx as TenantContext;
    const found = await find(inside, job);
    if (!found || !isOpen(found.printJob)) return { kind: 'through' };
    const work = { printJob: found.printJob.id, job };
    return new Feed(inside, work, found.printer, found.template, signal).run();
  },
  settle: (ctx, job, fed) => settle(ctx as TenantContext, job, fed),
  gaveUp: (ctx, job, reason) => gaveUp(ctx as TenantContext, job, reason),
};

const isOpen = ({ state }: PrintJobRow): boolean => (openStates as readonly string[]).includes(state);

async function find(ctx: TenantContext, { payload }: Job<Payload>) {
  const printJob = await store.find(ctx, printJobs, payload.print_job);
  const printer = printJob && (await store.find(ctx, printers, printJob.printer));
  if (!printJob || !printer) return undefined;
  const [kept] = await ctx.db.query<{ template: string }>('SELECT template FROM print_jobs WHERE id = ?', [
    printJob.id,
  ]);
  return { printJob, printer, template: JSON.parse(kept!.template) as LabelTemplate };
}

async function settle(tx: TenantContext, { payload }: Job<Payload>, fed: Fed): Promise<Verdict> {
  const printJob = await store.find(tx, printJobs, payload.print_job, true);
  const printer = printJob && (await store.find(tx, printers, printJob.printer));
  if (!printJob || !printer) return undefined;
  if (!isOpen(printJob)) return close(tx, printer, printJob);
  if (fed.kind === 'stopped') return { retryIn: 0, reason: 'The runner was stopped.', spends: false };
  if (fed.kind === 'blocked') {
    const fresh = tx.now().getTime() - Date.parse(printer.blocked_at ?? timestamp(tx)) < 60_000;
    return { retryIn: fresh ? soon : later, reason: sentenceOf(fed.reason), spends: false };
  }
  const progress = await progressOf(tx, printJob.id);
  // Somebody asked for labels in doubt again just now.
  if (progress.queued > 0) return { retryIn: 0, reason: 'More labels were asked for.', spends: false };
  await end(tx, printer, printJob, endOf(progress));
  return undefined;
}

/** Cancelled meanwhile: what the printer has of it is in doubt. */
async function close(tx: TenantContext, printer: PrinterRow, printJob: PrintJobRow): Promise<undefined> {
  await markAll(tx, printJob.id, 'queued', 'failed', 'Cancelled.');
  for (const state of ['sending', 'sent'] as const)
    await markAll(tx, printJob.id, state, 'unknown', 'Cancelled while the printer had it.');
  await restUnlessBusy(tx, printer);
}

async function end(
  tx: TenantContext,
  printer: PrinterRow,
  printJob: PrintJobRow,
  state: PrintJobRow['state'],
): Promise<void> {
  const progress = await progressOf(tx, printJob.id);
  const row = await store.update(tx, printJobs, printJob, { state, progress, finished_at: timestamp(tx) });
  const rested = await restUnlessBusy(tx, printer);
  if (state !== 'done') return tellAttention(tx, rested, printJob.id);
  if (printJob.batch !== null) await tellPrinted(tx, row, printJob.batch);
}

async function restUnlessBusy(tx: TenantContext, printer: PrinterRow): Promise<PrinterRow> {
  const sql = `SELECT id FROM print_jobs WHERE printer_id = ? AND state IN ('queued', 'printing', 'blocked') LIMIT 1`;
  if ((await tx.db.query(sql, [printer.id])).length > 0) return printer;
  return rest(tx, printer);
}

async function tellPrinted(tx: TenantContext, print_job: PrintJobRow, id: number): Promise<void> {
  const batch = await store.find(tx, batches.resource, id);
  if (!batch) return;
  changes.append(tx, { entity: batches.resource.entity, entity_id: id, op: 'update', fields: [] });
  outbox.append(tx, {
    name: 'batch.printed',
    entity: batches.resource.entity,
    entity_id: id,
    data: { ...batch, print_job },
  });
}

/** Runners that died with it are no reason to leave it, as long as each came further than the one before. */
async function gaveUp(tx: TenantContext, job: Job<Payload>, reason: string): Promise<{ keep: boolean } | undefined> {
  const found = await find(tx, job);
  if (!found || !isOpen(found.printJob)) return { keep: false };
  const { printJob, printer } = found;
  await markAll(tx, printJob.id, 'sending', 'unknown', 'The program ended while it was sent.');
  const { queued, sent } = await progressOf(tx, printJob.id);
  const sql =
    'UPDATE print_jobs SET left_at_restart = ? WHERE id = ? AND (left_at_restart IS NULL OR left_at_restart > ?)';
  if ((await tx.db.execute(sql, [queued + sent, printJob.id, queued + sent])) > 0) {
    await startWork(tx, printer.id, printJob.id);
    return { keep: false };
  }
  await markAll(tx, printJob.id, 'queued', 'failed', reason.slice(0, 255));
  await markAll(tx, printJob.id, 'sent', 'unknown', reason.slice(0, 255));
  await end(tx, printer, printJob, 'failed');
  return undefined;
}

/** Numbers of all tenants, before they are read. */
export async function waiting(ctx: Context): Promise<{ queued: number; blocked: Record<string, number> }> {
  const labels =
    'SELECT COUNT(*) AS labels FROM print_labels l JOIN print_jobs j ON j.id = l.print_job_id ' +
    "WHERE j.state IN ('queued', 'printing', 'blocked') AND l.state = 'queued'";
  const [row] = await ctx.db.query<{ labels: number }>(labels);
  const sql = "SELECT reason, COUNT(*) AS printers FROM printers WHERE state = 'blocked' GROUP BY reason";
  const rows = await ctx.db.query<{ reason: string; printers: number }>(sql);
  return {
    queued: Number(row!.labels),
    blocked: Object.fromEntries(rows.map(({ reason, printers: count }) => [reason, Number(count)])),
  };
}
