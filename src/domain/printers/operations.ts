/** Printers over the API. */
import { z } from 'zod';
import * as fields from '../../resource/fields.ts';
import { list, parseListQuery } from '../../resource/pages.ts';
import { parse } from '../../resource/parse.ts';
import { guarded, idOf, type Operation } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import * as assets from '../assets/service.ts';
import * as batches from '../batches/service.ts';
import { printerStates, printers, printJobs, printLabels } from './resource.ts';
import { cancel, print, printLabel, resume, served, servedJobs, status, test } from './service.ts';

const name = z.union([z.int().positive(), fields.text(120)]);
const Print = z.object({ printer: name.optional(), template: name.optional() });
const number = z.int().min(0).max(999_999_999_999);
const PrintBatch = Print.extend({ from: number.optional(), to: number.optional() });
const Test = z.object({ template: name.optional() });
const Cancel = z.object({ print_job: z.int().positive().optional() });
const Resume = Cancel.extend({ from: number.optional() });

const Status = z.object({
  printer: z.int(),
  name: z.string(),
  state: z.enum(printerStates),
  reasons: z.array(z.string()),
  message: z.string(),
  held: z.int().nullable(),
  model: z.string(),
  dpi: z.int().nullable(),
  queued: z.int(),
  asked: z.boolean(),
});

const base = { tag: 'printers', area: 'printers', status: 200, resource: printers } as const;
const post = { ...base, method: 'POST', action: 'execute' } as const;
const printed = { ...post, kind: 'row', status: 201, answer: printJobs.read, resource: printJobs } as const;
const text = (value: string | number | undefined) => (value === undefined ? undefined : String(value));

export const printerOperations: Operation[] = [
  ...served.operations,
  {
    ...base,
    id: 'printers.status',
    method: 'GET',
    path: 'printers/:id/status',
    summary: 'Ask a printer how it is',
    action: 'view',
    kind: 'value',
    answer: Status,
    run: (ctx, input) => status(ctx, idOf(input)),
  },
  {
    ...printed,
    id: 'printers.test',
    path: 'printers/:id/test',
    summary: 'Print a test label',
    body: Test,
    run: (ctx, input) => test(ctx, idOf(input), text(parse(Test, input.body ?? {}).template)),
  },
  {
    ...post,
    id: 'printers.resume',
    path: 'printers/:id/resume',
    summary: 'Print labels again whose fate is unknown, and try the printer at once',
    kind: 'value',
    body: Resume,
    answer: z.object({ labels: z.int() }),
    run: (ctx, input) => resume(ctx, idOf(input), parse(Resume, input.body ?? {})),
  },
  {
    ...post,
    id: 'printers.cancel',
    path: 'printers/:id/cancel',
    summary: 'Give up print jobs, all of the printer or one',
    kind: 'value',
    body: Cancel,
    answer: z.object({ print_jobs: z.array(z.int()) }),
    run: (ctx, input) => cancel(ctx, idOf(input), parse(Cancel, input.body ?? {})),
  },
  ...servedJobs.operations,
  {
    ...base,
    id: 'print-jobs.labels',
    method: 'GET',
    path: 'print-jobs/:id/labels',
    tag: 'print-jobs',
    summary: 'List the labels of a print job and what became of each',
    action: 'view',
    kind: 'page',
    answer: printLabels.read,
    resource: printLabels,
    run: (ctx, input) =>
      guarded(ctx, 'printers', 'view', async (inside) => {
        const { id } = await store.get(inside, printJobs, idOf(input));
        return list(inside, printLabels, parseListQuery(printLabels, input.query), [
          { column: 'print_job_id', value: id },
        ]);
      }),
  },
  {
    ...printed,
    id: 'barcode-batches.print',
    path: 'barcode-batches/:id/print',
    tag: 'barcode-batches',
    summary: 'Print the labels of a batch; some of them again with from and to',
    body: PrintBatch,
    run: async (ctx, input) => {
      const { id: batch } = await batches.served.get(ctx, idOf(input));
      const { printer, template, from, to } = parse(PrintBatch, input.body ?? {});
      return print(ctx, printer, { source: { batch, from, to }, template: text(template) });
    },
  },
  {
    ...printed,
    id: 'assets.label.print',
    path: 'assets/:id/label',
    tag: 'assets',
    summary: 'Print the label of an asset',
    body: Print,
    run: async (ctx, input) => {
      const asset = await assets.served.get(ctx, idOf(input));
      const { printer, template } = parse(Print, input.body ?? {});
      return guarded(ctx, 'printers', 'execute', (inside) => printLabel(inside, { asset, printer, template }), {
        long: true,
      });
    },
  },
];
