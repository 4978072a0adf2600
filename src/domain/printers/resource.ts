import { z } from 'zod';
import { defineResource, type RowOf } from '../../resource/define.ts';
import {
  flag,
  jsonObject,
  optionalInstant,
  optionalReference,
  optionalText,
  reference,
  text,
} from '../../resource/fields.ts';

/** `new`: nobody has talked to it yet. */
export const printerStates = ['new', 'ready', 'printing', 'blocked'] as const;

const offset = z.number().min(-50).max(50).default(0);

export const printers = defineResource({
  name: 'printer',
  path: 'printers',
  table: 'printers',
  area: 'printers',
  fields: z.object({
    name: text(120),
    url: text(255),
    template: optionalReference(),
    is_default: flag(false),
    chunk_size: z.int().min(1).max(200).default(25),
    offset_x_mm: offset,
    offset_y_mm: offset,
  }),
  readOnly: z.object({
    model: z.string(),
    dpi: z.int().nullable(),
    state: z.enum(printerStates),
    reason: z.string(),
    message: z.string(),
    blocked_at: optionalInstant(),
    attention_at: optionalInstant(),
  }),
  refs: { template: { table: 'barcode_templates', label: 'Barcode template' } },
  search: ['name', 'url', 'model'],
  ordering: ['name'],
  order: 'name',
  filters: ['state', 'is_default'],
});

export type PrinterRow = RowOf<typeof printers>;

/**
 * `attention`: all is done that can be, and labels are in doubt: see `resume` and `cancel`. `failed`: some were not printed and
 * will not be, as the note of each says.
 */
export const jobStates = ['queued', 'printing', 'blocked', 'attention', 'done', 'cancelled', 'failed'] as const;
/** Those that a runner still works on. */
export const openStates = ['queued', 'printing', 'blocked'] as const;

export const printJobs = defineResource({
  name: 'print job',
  path: 'print-jobs',
  table: 'print_jobs',
  area: 'printers',
  fields: z.object({}),
  readOnly: z.object({
    printer: reference(),
    batch: optionalReference(),
    name: text(120),
    state: z.enum(jobStates),
    requested_by: optionalText(200),
    total: z.int(),
    progress: jsonObject(),
    finished_at: optionalInstant(),
  }),
  refs: {
    printer: { table: 'printers', label: 'Printer' },
    batch: { table: 'barcode_batches', label: 'Barcode batch' },
  },
  order: '-id',
  filters: ['printer', 'batch', 'state'],
});

export type PrintJobRow = RowOf<typeof printJobs>;

/**
 * queued: the printer has nothing of it. sending: it may have. sent: it has all of it. confirmed: it says that it is printed.
 * unknown: a line or a process broke in between. failed: it was not printed and will not be.
 */
export const labelStates = ['queued', 'sending', 'sent', 'confirmed', 'unknown', 'failed'] as const;
export type LabelState = (typeof labelStates)[number];

export const printLabels = defineResource({
  name: 'printed label',
  path: 'print-labels',
  table: 'print_labels',
  area: 'printers',
  fields: z.object({}),
  readOnly: z.object({
    print_job: reference(),
    asset: optionalReference(),
    position: z.int(),
    sequence: z.int().nullable(),
    code_value: text(255),
    state: z.enum(labelStates),
    reprint: z.boolean(),
    note: z.string(),
  }),
  refs: {
    print_job: { table: 'print_jobs', label: 'Print job' },
    asset: { table: 'assets', label: 'Asset' },
  },
  search: ['code_value'],
  ordering: ['position'],
  order: 'position',
  filters: ['state', 'asset', 'code_value'],
});
