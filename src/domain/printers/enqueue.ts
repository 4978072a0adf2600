/** A print job: its labels, checked and written with what they are to show, for a runner to hand to the printer. */
import { Conflict, Invalid, NotFound } from '../../base/errors.ts';
import { type TenantContext, timestamp } from '../../db/context.ts';
import * as jobs from '../../queue/jobs.ts';
import type { CompiledLabel, LabelData, LabelTemplate } from '../../render/labels.ts';
import * as store from '../../resource/store.ts';
import * as batches from '../batches/service.ts';
import * as history from '../history/service.ts';
import * as templates from '../templates/service.ts';
import { type PrinterRow, type PrintJobRow, printers, printJobs } from './resource.ts';
import { printedAmong } from './retention.ts';

/** More at once would hold the one writer of SQLite for too long. */
const maxLabels = 10_000;

export interface PrintRequest {
  source: batches.Source;
  /** By id or name. */
  template?: string | undefined;
}

/** The printer of that id, or of that name or else id as text; without one the tenant's default, or its only one. */
export async function printerOf(ctx: TenantContext, named: string | number | undefined): Promise<PrinterRow> {
  if (named === undefined) return defaultPrinter(ctx);
  const byName = typeof named === 'string' ? await store.findBy(ctx, printers, 'name', named) : undefined;
  if (byName) return byName;
  if (/^\d{1,15}$/.test(String(named))) {
    const byId = await store.find(ctx, printers, Number(named));
    if (byId?.tenant === ctx.tenant.id) return byId;
  }
  if (typeof named === 'number') throw new Invalid({ printer: ['Printer not found.'] });
  throw new Invalid({
    printer: [`There is no printer "${named}". There are: ${(await namesOf(ctx)).join(', ') || 'none'}.`],
  });
}

async function defaultPrinter(ctx: TenantContext): Promise<PrinterRow> {
  const chosen = await store.findBy(ctx, printers, 'is_default', true);
  const all = chosen ? [chosen] : await store.allWith(ctx, printers, 'tenant_id', [ctx.tenant.id]);
  if (all.length === 1) return all[0]!;
  const names = await namesOf(ctx);
  const which =
    names.length === 0
      ? 'There is none yet. Set one up with `assetra printer add`.'
      : `Name one, or make one the default: ${names.join(', ')}.`;
  throw new Invalid({ printer: [which] });
}

export async function namesOf({ db, tenant }: TenantContext): Promise<string[]> {
  const sql = 'SELECT name FROM printers WHERE tenant_id = ? ORDER BY name';
  return (await db.query<{ name: string }>(sql, [tenant.id])).map(({ name }) => name);
}

/** Writes a print job in the caller's transaction. Invalid when a label cannot be printed there. */
export async function enqueue(ctx: TenantContext, printer: PrinterRow, request: PrintRequest): Promise<PrintJobRow> {
  const { source } = request;
  const template =
    request.template ?? (printer.template === null || 'batch' in source ? undefined : String(printer.template));
  const drawn = await batches.drawable(ctx, source, {
    template,
    most: maxLabels,
    ...(printer.dpi !== null && { dpi: printer.dpi }),
  });
  const labels: NewLabel[] = [];
  for await (const data of drawn.labels) labels.push(data);
  if (labels.length === 0) throw new NotFound('There is no label to print.');
  await refuseAgain(ctx, source, labels);
  const batch = 'batch' in source ? source.batch : null;
  return write(ctx, printer, { batch, name: drawn.name, template: drawn.template, label: drawn.label, labels });
}

/** A page that shows whether the printer prints, and where. */
export async function enqueueTest(ctx: TenantContext, printer: PrinterRow, named?: string): Promise<PrintJobRow> {
  const chosen =
    named === undefined ? await templates.byIdOrDefault(ctx, printer.template) : await templates.named(ctx, named);
  const { checkFits, compile } = await import('../../render/labels.ts');
  const { name, slug } = ctx.tenant;
  const data: LabelData = { code: 'TEST', asset: { name: printer.name }, tenant: { name, slug } };
  let template = chosen;
  try {
    checkFits(compile(chosen), data);
  } catch (error) {
    if (named !== undefined || !(error instanceof Invalid)) throw error;
    // The template's symbol carries no such text.
    const { layout: _, ...size } = chosen;
    template = { ...size, symbology: 'qr', zpl_template: '' };
  }
  const label = { code_value: 'TEST', asset: null, sequence: null, data };
  return write(ctx, printer, { batch: null, name: 'test', template, label: compile(template), labels: [label] });
}

interface NewLabel {
  code_value: string;
  asset: number | null;
  sequence: number | null;
  data: LabelData;
}

interface NewPrintJob {
  batch: number | null;
  name: string;
  template: LabelTemplate;
  label: CompiledLabel;
  labels: NewLabel[];
}

async function write(ctx: TenantContext, printer: PrinterRow, job: NewPrintJob): Promise<PrintJobRow> {
  const { batch, name, template, labels } = job;
  const progress = { queued: labels.length, sending: 0, sent: 0, confirmed: 0, unknown: 0, failed: 0 };
  const values = { printer: printer.id, batch, name, total: labels.length, progress, finished_at: null };
  const row = await store.insert(
    ctx,
    printJobs,
    { ...values, state: 'queued', requested_by: ctx.actor.label },
    { template: JSON.stringify(template), left_at_restart: null },
  );
  const before = await printedAmong(ctx, codesOf(labels));
  const now = timestamp(ctx);
  const fields = fieldsOf(job.label);
  await ctx.db.insertMany(
    'print_labels',
    labels.map(({ code_value, asset, sequence, data }, index) => ({
      tenant_id: ctx.tenant.id,
      print_job_id: row.id,
      asset_id: asset,
      position: index + 1,
      sequence,
      code_value,
      data: JSON.stringify(only(data, fields)),
      state: 'queued',
      reprint: before.has(code_value),
      note: '',
      created_at: now,
      updated_at: now,
    })),
  );
  for (const { asset, code_value } of labels)
    if (asset !== null && before.has(code_value)) tellReprint(ctx, asset, code_value, printer, row.id);
  await startWork(ctx, printer.id, row.id);
  return row;
}

/** A runner takes it from here. */
export async function startWork(ctx: TenantContext, printer: number, printJob: number): Promise<void> {
  const [{ lane_id } = { lane_id: 0 }] = await ctx.db.query<{ lane_id: number }>(
    'SELECT lane_id FROM printers WHERE id = ?',
    [printer],
  );
  const job = { kind: 'labels.print', queue: 'labels', tenant: ctx.tenant.id, lane: Number(lane_id) };
  jobs.add(ctx, { ...job, payload: { print_job: printJob } });
}

/** A second label with one code is a thing that an auditor asks about. */
export function tellReprint(
  ctx: TenantContext,
  asset: number,
  code: string,
  printer: PrinterRow,
  printJob: number,
): void {
  const new_state = { label_reprinted: { code, printer: printer.name, print_job: printJob } };
  history.append(ctx, { asset, event_type: 'update', previous_state: {}, new_state });
}

const codesOf = (labels: readonly NewLabel[]): string[] => labels.map(({ code_value }) => code_value);

/** Fields of an asset that the label shows: the others need not lie in ten thousand rows. */
function fieldsOf({ places, zplTemplate }: CompiledLabel): Set<string> {
  const texts = places.map(({ element }) => ('text' in element ? element.text : ''));
  return new Set(
    [zplTemplate, ...texts].flatMap((text) => [...text.matchAll(/asset\.([a-z_]+)/g)].map(([, name]) => name!)),
  );
}

const only = ({ code, asset, tenant }: LabelData, fields: Set<string>): LabelData => ({
  code,
  asset: asset ? Object.fromEntries(Object.entries(asset).filter(([name]) => fields.has(name))) : null,
  ...(tenant && { tenant }),
});

/** A batch is printed once: again only from a number that is said, so that nobody does it by a second click. */
async function refuseAgain(ctx: TenantContext, source: batches.Source, labels: readonly NewLabel[]): Promise<void> {
  if (!('batch' in source) || source.from !== undefined) return;
  // Of two that ask at once the second is to see the first one's job.
  await ctx.db.query(`SELECT id FROM barcode_batches WHERE id = ?${ctx.db.forUpdate}`, [source.batch]);
  const before = await printedAmong(ctx, codesOf(labels));
  if (before.size === 0) return;
  throw new Conflict(
    `${before.size} of these ${labels.length} labels were given to a printer already. To print some again, say from which number (from, to).`,
  );
}
