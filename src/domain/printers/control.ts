/** What a person does about a printer: look, let labels in doubt be printed again, give jobs up. */
import { Conflict, NotFound } from '../../base/errors.ts';
import { type TenantContext, timestamp } from '../../db/context.ts';
import { openPrinter } from '../../devices/printers/open.ts';
import {
  type Identity,
  type PrinterLink,
  type PrinterStatus,
  type Reason,
  reasonOf,
  sentenceOf,
} from '../../devices/printers/printer.ts';
import { parseUrl } from '../../devices/printers/url.ts';
import * as lanes from '../../queue/lanes.ts';
import * as store from '../../resource/store.ts';
import { startWork, tellReprint } from './enqueue.ts';
import { endOf, mark, markAll, progressOf } from './ledger.ts';
import { openStates, type PrinterRow, type PrintJobRow, printers, printJobs } from './resource.ts';

export interface LiveStatus {
  printer: number;
  name: string;
  state: PrinterRow['state'];
  reasons: string[];
  message: string;
  /** Labels that the printer has and has not printed; null where it does not say. */
  held: number | null;
  model: string;
  dpi: number | null;
  /** Labels that wait here. */
  queued: number;
  /** False: a runner talks to it now, and this is what it last saw. */
  asked: boolean;
}

/** Asks the printer itself, unless a runner has it: many take one connection only. */
export async function look(ctx: TenantContext, printer: PrinterRow): Promise<LiveStatus> {
  const { id, name, model, dpi, state, reason, message } = printer;
  const queued = await queuedFor(ctx, id);
  const base = { printer: id, name, queued };
  if (await isTalkedTo(ctx, id)) {
    const reasons = reason === '' ? [] : [reason];
    return { ...base, state, reasons, message, held: null, model, dpi, asked: false };
  }
  const { status, identity } = await probe(printer.url);
  const [first] = status.reasons;
  return {
    ...base,
    state: first ? 'blocked' : 'ready',
    reasons: status.reasons,
    message: first ? sentenceOf(first) : '',
    held: status.held ?? null,
    model: identity?.model ?? model,
    dpi: identity?.dpi ?? dpi,
    asked: true,
  };
}

/** How a printer is now. Never rejects for what is wrong with it. */
export async function probe(url: string): Promise<{ status: PrinterStatus; identity: Identity | undefined }> {
  let link: PrinterLink | undefined;
  try {
    link = await openPrinter(parseUrl(url));
    const status = await link.status();
    return { status, identity: status.reasons.includes('no_answer') ? undefined : await link.identify() };
  } catch (error) {
    return { status: { reasons: [reasonOf(error) as Reason] }, identity: undefined };
  } finally {
    link?.close();
  }
}

async function queuedFor({ db }: TenantContext, printer: number): Promise<number> {
  const sql =
    'SELECT COUNT(*) AS labels FROM print_labels l JOIN print_jobs j ON j.id = l.print_job_id ' +
    "WHERE j.printer_id = ? AND j.state IN ('queued', 'printing', 'blocked') AND l.state = 'queued'";
  return Number((await db.query<{ labels: number }>(sql, [printer]))[0]!.labels);
}

async function isTalkedTo({ db }: TenantContext, printer: number): Promise<boolean> {
  const sql =
    "SELECT j.id FROM jobs j JOIN printers p ON p.lane_id = j.lane_id WHERE p.id = ? AND j.state = 'active' LIMIT 1";
  return (await db.query(sql, [printer])).length > 0;
}

export interface Chosen {
  print_job?: number | undefined;
  /** First label that is to be printed again; those in doubt before it did come out. */
  from?: number | undefined;
}

/** Prints labels in doubt again, and tries the printer at once. Answers how many labels. */
export async function resume(ctx: TenantContext, printer: PrinterRow, { print_job, from }: Chosen): Promise<number> {
  const jobs = await chosen(ctx, printer, print_job, ['attention', ...openStates]);
  if (from !== undefined && print_job === undefined) await refuseSeveral(ctx, jobs);
  let again = 0;
  for (const job of jobs) again += await printAgain(ctx, printer, job, from);
  const [{ lane_id } = { lane_id: 0 }] = await ctx.db.query<{ lane_id: number }>(
    'SELECT lane_id FROM printers WHERE id = ?',
    [printer.id],
  );
  await lanes.hurry(ctx, Number(lane_id));
  return again;
}

/** A number means another label in each print job. */
async function refuseSeveral(ctx: TenantContext, jobs: readonly PrintJobRow[]): Promise<void> {
  const doubted: number[] = [];
  for (const { id } of jobs) if ((await progressOf(ctx, id)).unknown > 0) doubted.push(id);
  if (doubted.length < 2) return;
  throw new Conflict(
    `Labels of print jobs ${doubted.join(', ')} are in doubt. Say of which one the number is (--job, print_job).`,
  );
}

interface Doubted {
  id: number;
  position: number;
  sequence: number | null;
  code_value: string;
  asset_id: number | null;
}

async function printAgain(
  ctx: TenantContext,
  printer: PrinterRow,
  job: PrintJobRow,
  from: number | undefined,
): Promise<number> {
  const sql =
    'SELECT id, position, sequence, code_value, asset_id FROM print_labels ' +
    "WHERE print_job_id = ? AND state = 'unknown' ORDER BY position";
  const doubted = await ctx.db.query<Doubted>(sql, [job.id]);
  const isBefore = ({ sequence, position }: Doubted) => from !== undefined && Number(sequence ?? position) < from;
  const printed = doubted.filter(isBefore);
  const labels = doubted.filter((label) => !isBefore(label));
  await mark(ctx, job.id, printed, 'confirmed', `Seen by ${ctx.actor.label}.`.slice(0, 255));
  await mark(ctx, job.id, labels, 'queued', `Asked for again by ${ctx.actor.label}.`.slice(0, 255));
  if (labels.length > 0)
    await ctx.db.execute(
      "UPDATE print_labels SET reprint = ? WHERE print_job_id = ? AND state = 'queued' AND note <> ''",
      [true, job.id],
    );
  for (const { asset_id, code_value } of labels)
    if (asset_id !== null) tellReprint(ctx, Number(asset_id), code_value, printer, job.id);
  if (job.state !== 'attention') return labels.length;
  const progress = await progressOf(ctx, job.id);
  const state = labels.length > 0 ? 'queued' : endOf(progress);
  await store.update(ctx, printJobs, job, { state, progress, finished_at: state === 'queued' ? null : timestamp(ctx) });
  if (state === 'queued') await startWork(ctx, printer.id, job.id);
  return labels.length;
}

/** Gives print jobs up: what has not gone out will not. Answers their ids. */
export async function cancel(ctx: TenantContext, printer: PrinterRow, { print_job }: Chosen): Promise<number[]> {
  const jobs = await chosen(ctx, printer, print_job, ['attention', ...openStates]);
  for (const job of jobs) {
    await markAll(ctx, job.id, 'queued', 'failed', `Cancelled by ${ctx.actor.label}.`.slice(0, 255));
    const progress = await progressOf(ctx, job.id);
    await store.update(ctx, printJobs, job, { state: 'cancelled', progress, finished_at: timestamp(ctx) });
  }
  return jobs.map(({ id }) => id);
}

async function chosen(
  ctx: TenantContext,
  printer: PrinterRow,
  id: number | undefined,
  states: readonly string[],
): Promise<PrintJobRow[]> {
  const marks = states.map(() => '?').join(', ');
  const sql = `SELECT id FROM print_jobs WHERE printer_id = ? AND state IN (${marks}) ORDER BY id`;
  const rows = await ctx.db.query<{ id: number }>(sql, [printer.id, ...states]);
  const ids = rows.map((row) => Number(row.id)).filter((one) => id === undefined || one === id);
  if (id !== undefined && ids.length === 0) {
    const known = await store.find(ctx, printJobs, id);
    if (!known || known.printer !== printer.id) throw new NotFound(`${printer.name} has no print job ${id}.`);
    throw new Conflict(`Print job ${id} is ${known.state}: there is nothing left to do of it.`);
  }
  const jobs: PrintJobRow[] = [];
  // Locked, so that a runner that is about to end one sees what was asked.
  for (const one of ids) jobs.push(await store.get(ctx, printJobs, one, true));
  return jobs;
}

/** What `add` and `test` learn of a printer is kept: labels are drawn for its resolution. */
export async function learn(
  ctx: TenantContext,
  printer: PrinterRow,
  identity: Identity | undefined,
): Promise<PrinterRow> {
  if (!identity || (identity.model === printer.model && identity.dpi === printer.dpi)) return printer;
  return store.update(ctx, printers, printer, { model: identity.model.slice(0, 80), dpi: identity.dpi });
}
