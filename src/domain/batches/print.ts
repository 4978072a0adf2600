/** Labels of a batch or of assets, as a stream of ZPL or PDF, or as pictures. Memory does not grow with their number. */
import { Invalid, NotFound } from '../../base/errors.ts';
import { metrics } from '../../base/metrics.ts';
import type { TenantContext } from '../../db/context.ts';
import type { CompiledLabel, LabelData } from '../../render/labels.ts';
import { list, parseListQuery, type QueryText } from '../../resource/pages.ts';
import * as store from '../../resource/store.ts';
import * as assets from '../assets/service.ts';
import * as barcodes from '../barcodes/service.ts';
import * as templates from '../templates/service.ts';
import { type BatchRow, barcodeBatches } from './resource.ts';

export const formats = ['zpl', 'pdf', 'png'] as const;
export type Format = (typeof formats)[number];

/** What is printed: a batch or a range of its numbers, assets by tag, or assets that a list query finds. */
export type Source =
  | { batch: number; from?: number | undefined; to?: number | undefined }
  | { tags: string[] }
  | { query: QueryText }
  | { asset: assets.AssetRow };

export interface PrintOptions {
  template?: string | undefined;
  sheet?: string | undefined;
  /** First free place of a part-used sheet, from 1. */
  start?: number | undefined;
  /** Calibration of the printer, in mm to the right and down. */
  offsetX?: number | undefined;
  offsetY?: number | undefined;
  outline?: boolean | undefined;
  onProgress?: ((done: number) => void) | undefined;
}

export interface Printed {
  count: number;
  /** Of the whole file; a PNG is one label's. */
  type: string;
  name: string;
  stream: AsyncIterable<string | Buffer>;
}

const types: Record<Format, string> = { zpl: 'application/vnd.zebra-zpl', pdf: 'application/pdf', png: 'image/png' };
const chunk = 500;

interface Job {
  name: string;
  count: number;
  template: templates.LabelTemplate;
  items: AsyncIterable<LabelData>;
}

/** Invalid or NotFound before the first byte; a code that does not fit ends the stream with Invalid. */
export async function print(
  ctx: TenantContext,
  source: Source,
  format: Format,
  options: PrintOptions = {},
): Promise<Printed> {
  const { pdfStream, zplStream } = await renderer();
  const job = await jobOf(ctx, source, options);
  if (job.count === 0) throw new NotFound('There is no label to print in this range.');
  metrics.labels.inc({ format }, job.count);
  const label = await labelFor(job.template, options);
  const named = { count: job.count, type: types[format], name: `${job.name}.${format}` };
  if (format === 'zpl') return { ...named, stream: zplStream(label, job.items, options.onProgress) };
  if (format === 'png') return { ...named, stream: pictures(label, job.items, options.onProgress) };
  const sheet = options.sheet === undefined ? {} : { sheet: await sheetNamed(options.sheet) };
  const { start, offsetX, offsetY, outline, onProgress } = options;
  const given = Object.entries({ start, offsetX, offsetY, outline, onProgress }).filter(
    ([, value]) => value !== undefined,
  );
  return { ...named, stream: pdfStream(label, job.items, { ...sheet, ...Object.fromEntries(given) }) };
}

const renderer = () => import('../../render/labels.ts');

async function sheetNamed(name: string) {
  return (await renderer()).getSheet(name);
}

/** On a sheet the label takes the sheet's size, unless a template was asked for; that one must fit into it. */
async function labelFor(
  template: templates.LabelTemplate,
  { sheet: name, template: asked }: PrintOptions,
): Promise<CompiledLabel> {
  const { compile } = await renderer();
  if (name === undefined) return compile(template);
  const sheet = await sheetNamed(name);
  if (asked === undefined) {
    const { layout: _, ...rest } = template;
    return compile({ ...rest, width_mm: sheet.label_width_mm, height_mm: sheet.label_height_mm });
  }
  if (template.width_mm > sheet.label_width_mm || template.height_mm > sheet.label_height_mm)
    throw new Invalid({
      sheet: [
        `The template is ${template.width_mm} × ${template.height_mm} mm, but ${sheet.name} has labels of ${sheet.label_width_mm} × ${sheet.label_height_mm} mm.`,
      ],
    });
  return compile(template);
}

async function* pictures(
  label: CompiledLabel,
  items: AsyncIterable<LabelData>,
  onProgress?: (done: number) => void,
): AsyncGenerator<Buffer> {
  const { toPng } = await renderer();
  let done = 0;
  for await (const data of items) {
    yield toPng(label, data);
    done += 1;
    onProgress?.(done);
  }
}

async function jobOf(ctx: TenantContext, source: Source, { template }: PrintOptions): Promise<Job> {
  if ('batch' in source) return batchJob(ctx, source, template);
  const rows =
    'asset' in source
      ? [source.asset]
      : 'tags' in source
        ? await tagged(ctx, source.tags)
        : await found(ctx, source.query);
  const chosen =
    template === undefined ? await templates.byIdOrDefault(ctx, null) : await templates.named(ctx, template);
  const data = rows.map((asset) => dataOf(ctx, asset.barcode_value || asset.asset_tag, asset, chosen.symbology));
  return {
    name: rows.length === 1 ? `label-${rows[0]!.id}` : 'labels',
    count: rows.length,
    template: chosen,
    items: each(data),
  };
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function tagged(ctx: TenantContext, tags: string[]): Promise<assets.AssetRow[]> {
  const rows: assets.AssetRow[] = [];
  for (const tag of tags) rows.push(await assets.byTag(ctx, tag));
  return rows;
}

async function found(ctx: TenantContext, query: QueryText): Promise<assets.AssetRow[]> {
  const rows: assets.AssetRow[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const asked: QueryText = { ordering: 'asset_tag', ...query, cursor, page_size: String(chunk) };
    const page: Awaited<ReturnType<typeof assets.served.list>> = await list(
      ctx,
      assets.resource,
      parseListQuery(assets.resource, asked),
    );
    rows.push(...page.rows);
    cursor = page.nextCursor;
  }
  return rows;
}

async function batchJob(
  ctx: TenantContext,
  source: Extract<Source, { batch: number }>,
  template: string | undefined,
): Promise<Job> {
  const batch = await store.get(ctx, barcodeBatches, source.batch);
  const first = Math.max(source.from ?? batch.start_sequence, batch.start_sequence);
  const last = Math.min(source.to ?? batch.end_sequence, batch.end_sequence);
  const chosen =
    template === undefined ? await templates.byIdOrDefault(ctx, batch.template) : await templates.named(ctx, template);
  const items = labelsOf(ctx, batch, first, last, chosen.symbology);
  return { name: `batch-${batch.id}`, count: Math.max(0, last - first + 1), template: chosen, items };
}

const assetColumns = assets.resource.columns.map(({ column }) => `a.${column} AS a_${column}`).join(', ');

/** In the order of their numbers, each with the asset it belongs to, read a chunk at a time. */
async function* labelsOf(
  ctx: TenantContext,
  batch: BatchRow,
  first: number,
  last: number,
  symbology: string,
): AsyncGenerator<LabelData> {
  const sql =
    `SELECT l.sequence, l.code_value, ${assetColumns} FROM barcode_labels l LEFT JOIN assets a ON a.id = l.asset_id ` +
    `WHERE l.batch_id = ? AND l.sequence >= ? AND l.sequence <= ? ORDER BY l.sequence LIMIT ${chunk}`;
  for (let next = first; next <= last; ) {
    const rows = await ctx.db.query<{ sequence: number; code_value: string; [column: string]: unknown }>(sql, [
      batch.id,
      next,
      last,
    ]);
    for (const row of rows) yield dataOf(ctx, row.code_value, assetIn(row), symbology);
    if (rows.length < chunk) return;
    next = rows.at(-1)!.sequence + 1;
  }
}

function assetIn(row: { [column: string]: unknown }): assets.AssetRow | null {
  if (row.a_id === null) return null;
  return store.decode(
    assets.resource,
    Object.fromEntries(assets.resource.columns.map(({ column }) => [column, row[`a_${column}`]])),
  );
}

/** A GS1 symbol is drawn from its elements in brackets, however the code was written. */
function dataOf({ tenant }: TenantContext, code: string, asset: assets.AssetRow | null, symbology: string): LabelData {
  const { name, slug } = tenant;
  const written = symbology.startsWith('gs1')
    ? (barcodes.validate({ symbology: 'gs1', raw_value: code }).decoded.bracketed ?? code)
    : code;
  return { code: written || code, asset: asset && { ...asset }, tenant: { name, slug } };
}
