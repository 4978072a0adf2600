/** Label batches: made, listed and printed. */
import { Readable } from 'node:stream';
import { z } from 'zod';
import { Invalid } from '../../base/errors.ts';
import type { Context, TenantContext } from '../../db/context.ts';
import type { Fields } from '../../resource/define.ts';
import { list, parseListQuery } from '../../resource/pages.ts';
import { parse } from '../../resource/parse.ts';
import { type FileAnswer, guarded, type Input, idOf, type Operation, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import * as assets from '../assets/service.ts';
import * as templates from '../templates/service.ts';
import { codesOf } from './codes.ts';
import { checkTemplate, create as write } from './create.ts';
import { forgetCodes } from './generate.ts';
import { draw as drawSample, type Sample } from './preview.ts';
import { print as draw, type Format, formats, type Printed, type PrintOptions } from './print.ts';
import { type BatchRow, barcodeBatches, barcodeLabels } from './resource.ts';
import type { Source } from './source.ts';

export { generating, whenReady } from './generate.ts';
export { checkCode } from './preview.ts';
export { drawable, type Format, type Printed, type PrintOptions } from './print.ts';
export { type BatchRow, barcodeBatches as resource } from './resource.ts';
export type { Source } from './source.ts';

export const served = serve(barcodeBatches, { create: write, update, remove, long: true });

/** What has been printed stays as it is: only how it is printed next may change. */
async function update(
  ctx: TenantContext,
  row: BatchRow,
  changes: Partial<Fields<typeof barcodeBatches>>,
): Promise<BatchRow> {
  for (const field of ['prefix', 'start_sequence', 'end_sequence'] as const)
    if (changes[field] !== undefined && changes[field] !== row[field])
      throw new Invalid({ [field]: ['The codes of a batch cannot be changed. Create another batch.'] });
  if (changes.template !== undefined && changes.template !== row.template)
    await checkTemplate(await templates.byIdOrDefault(ctx, changes.template), row);
  return store.update(ctx, barcodeBatches, row, changes);
}

/** Its labels go with it, and the codes that nobody has claimed; a claimed code stays its asset's. */
async function remove(ctx: TenantContext, row: BatchRow): Promise<void> {
  await forgetCodes(ctx, codesOf(row));
  await store.remove(ctx, barcodeBatches, row.id);
}

/** Labels as ZPL, PDF or PNG; see `Source` for what can be printed. */
export const print = (ctx: Context, source: Source, format: Format, options?: PrintOptions): Promise<Printed> =>
  guarded(ctx, 'assets', 'view', (inside) => draw(inside, source, format, options));

/** A label of that template as PNG; see `Sample` for what it says. */
export const preview = (ctx: Context, template: string, sample: Sample = {}): Promise<Buffer> =>
  guarded(ctx, 'assets', 'view', (inside) => drawSample(inside, template, sample));

const decimal = z.string().regex(/^-?\d{1,3}(\.\d+)?$/, { error: 'A valid number is required.' });
const whole = z.string().regex(/^\d{1,12}$/, { error: 'A valid integer is required.' });
const media = { template: z.string().max(120).optional() };
const range = { ...media, from: whole.optional(), to: whole.optional() };
const paper = {
  ...range,
  sheet: z.string().max(40).optional(),
  start: whole.optional(),
  offset_x: decimal.optional(),
  offset_y: decimal.optional(),
  outline: z.enum(['true', 'false']).optional(),
};

async function fileOf(
  ctx: Context,
  source: Source,
  format: Format,
  query: z.output<z.ZodObject<typeof paper>>,
): Promise<FileAnswer> {
  const number = (text: string | undefined) => (text === undefined ? undefined : Number(text));
  const { template, sheet } = query;
  const options = {
    template,
    sheet,
    start: number(query.start),
    offsetX: number(query.offset_x),
    offsetY: number(query.offset_y),
    outline: query.outline === 'true',
  };
  const { type, name, stream } = await print(ctx, source, format, options);
  return { type, name, body: Readable.from(stream) };
}

const known = (input: Input, schema: z.ZodObject) =>
  parse(schema.strict(), input.query) as z.output<z.ZodObject<typeof paper>>;
const batchSource = (input: Input, { from, to }: { from?: string | undefined; to?: string | undefined }): Source => ({
  batch: idOf(input),
  from: from === undefined ? undefined : Number(from),
  to: to === undefined ? undefined : Number(to),
});

const base = { method: 'GET', area: 'assets', action: 'view', status: 200 } as const;
const Preview = z.object({ code: z.string().trim().min(1).max(255).optional(), tag: z.string().max(80).optional() });
const Label = z.object({ ...media, format: z.enum(formats).default('pdf') });

export const batchOperations: Operation[] = [
  ...served.operations,
  {
    ...base,
    id: 'barcode-batches.labels',
    path: 'barcode-batches/:id/labels',
    tag: 'barcode-batches',
    summary: 'List the labels of a batch',
    kind: 'page',
    answer: barcodeLabels.read,
    resource: barcodeLabels,
    run: (ctx, input) =>
      guarded(ctx, 'assets', 'view', async (inside) => {
        const { id } = await store.get(inside, barcodeBatches, idOf(input));
        return list(inside, barcodeLabels, parseListQuery(barcodeLabels, input.query), [
          { column: 'batch_id', value: id },
        ]);
      }),
  },
  {
    ...base,
    id: 'barcode-batches.pdf',
    path: 'barcode-batches/:id/pdf',
    tag: 'barcode-batches',
    summary: 'The labels of a batch as PDF, one a page or on sheets',
    kind: 'file',
    query: z.object(paper),
    fileTypes: ['application/pdf'],
    run: (ctx, input) => {
      const query = known(input, z.object(paper));
      return fileOf(ctx, batchSource(input, query), 'pdf', query);
    },
  },
  {
    ...base,
    id: 'barcode-batches.zpl',
    path: 'barcode-batches/:id/zpl',
    tag: 'barcode-batches',
    summary: 'The labels of a batch as ZPL',
    kind: 'file',
    query: z.object(range),
    fileTypes: ['application/vnd.zebra-zpl'],
    run: (ctx, input) => {
      const query = known(input, z.object(range));
      return fileOf(ctx, batchSource(input, query), 'zpl', query);
    },
  },
  {
    ...base,
    id: 'assets.label',
    path: 'assets/:id/label',
    tag: 'assets',
    summary: 'The label of an asset',
    kind: 'file',
    query: Label,
    fileTypes: ['application/pdf', 'application/vnd.zebra-zpl', 'image/png'],
    run: async (ctx, input) => {
      const asset = await assets.served.get(ctx, idOf(input));
      const { format, ...query } = parse(Label.strict(), input.query);
      return fileOf(ctx, { asset }, format, query);
    },
  },
  {
    ...base,
    id: 'barcode-templates.preview',
    path: 'barcode-templates/:id/preview',
    tag: 'barcode-templates',
    summary: 'How a label of the template looks, with a code or as the label of an asset',
    kind: 'file',
    query: Preview,
    fileTypes: ['image/png'],
    run: async (ctx, input) => {
      const { id, name } = await templates.served.get(ctx, idOf(input));
      const body = await preview(ctx, String(id), parse(Preview.strict(), input.query));
      return { type: 'image/png', name: `${name}.png`, body };
    },
  },
];
