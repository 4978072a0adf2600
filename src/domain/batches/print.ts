/** Labels of a batch or of assets, as a stream of ZPL or PDF, or as pictures. Memory does not grow with their number. */
import { Invalid, NotFound } from '../../base/errors.ts';
import { metrics } from '../../base/metrics.ts';
import type { TenantContext } from '../../db/context.ts';
import type { CompiledLabel, LabelData, PdfOptions } from '../../render/labels.ts';
import type * as templates from '../templates/service.ts';
import { checkPrintable } from './codes.ts';
import { type Item, jobOf, type Source } from './source.ts';

export const formats = ['zpl', 'pdf', 'png'] as const;
export type Format = (typeof formats)[number];

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

type Sheet = NonNullable<PdfOptions['sheet']>;

const renderer = () => import('../../render/labels.ts');

/**
 * Invalid or NotFound before the first byte: codes are walked once to see that each can be printed, then again to print
 * them. Only an asset that changes in between can still end the stream.
 */
export async function print(
  ctx: TenantContext,
  source: Source,
  format: Format,
  options: PrintOptions = {},
): Promise<Printed> {
  const { zplStream, pdfStream } = await renderer();
  const job = await jobOf(ctx, source, options.template);
  const sheet = await sheetOf(options);
  const label = await labelFor(job.template, sheet, options);
  const sized = sheet !== undefined && options.template === undefined ? 'sheet' : 'template';
  const count = await checkPrintable(label, job.codes(), sized);
  if (count === 0) throw new NotFound(nothingIn(source));
  metrics.labels.inc({ format }, count);
  const labels = dataOf(job.labels(label.symbology));
  const named = { count, type: types[format], name: `${job.name}.${format}` };
  if (format === 'zpl') return { ...named, stream: zplStream(label, labels, options.onProgress) };
  if (format === 'png') return { ...named, stream: pictures(label, labels, options.onProgress) };
  return { ...named, stream: pdfStream(label, labels, pdfOptions(sheet, options)) };
}

/**
 * At most so many labels for a printer of that resolution, each checked, so that Invalid comes before the first is written. A template of
 * raw ZPL is drawn for its own.
 */
export async function drawable(
  ctx: TenantContext,
  source: Source,
  { template, dpi, most }: { template?: string | undefined; dpi?: number; most: number },
) {
  const job = await jobOf(ctx, source, template);
  const chosen = dpi === undefined || job.template.zpl_template ? job.template : { ...job.template, dpi };
  const label = (await renderer()).compile(chosen);
  await checkPrintable(label, atMost(most, job.codes()));
  return { name: job.name, template: chosen, label, labels: job.labels(label.symbology) };
}

/** Told before a million codes are looked at, while whoever asked keeps others from writing. */
async function* atMost(most: number, codes: AsyncIterable<string> | Iterable<string>): AsyncGenerator<string> {
  let count = 0;
  for await (const code of codes) {
    count += 1;
    if (count > most)
      throw new Invalid(
        `At most ${most.toLocaleString('en')} labels are printed at once. Print them in parts: from, to.`,
      );
    yield code;
  }
}

async function* dataOf(items: AsyncIterable<Item>): AsyncGenerator<LabelData> {
  for await (const { data } of items) yield data;
}

const nothingIn = (source: Source): string =>
  'query' in source
    ? 'No asset matches this query, so there is no label to print.'
    : 'There is no label to print in this range.';

async function sheetOf({ sheet: name, start }: PrintOptions): Promise<Sheet | undefined> {
  if (name === undefined) {
    if (start !== undefined) throw new Invalid({ start: ['It is a place on a sheet. Name the sheet too.'] });
    return undefined;
  }
  const sheet = (await renderer()).getSheet(name);
  const places = sheet.columns * sheet.rows;
  if (start !== undefined && (start < 1 || start > places))
    throw new Invalid({ start: [`${sheet.name} has the places 1 to ${places}.`] });
  return sheet;
}

/** On a sheet the label takes the sheet's size, unless a template was asked for; that one must fit into it. */
async function labelFor(
  template: templates.LabelTemplate,
  sheet: Sheet | undefined,
  { template: asked }: PrintOptions,
): Promise<CompiledLabel> {
  const { compile } = await renderer();
  if (!sheet) return compile(template);
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

function pdfOptions(
  sheet: Sheet | undefined,
  { start, offsetX, offsetY, outline, onProgress }: PrintOptions,
): PdfOptions {
  const given = Object.entries({ sheet, start, offsetX, offsetY, outline, onProgress });
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

async function* pictures(
  label: CompiledLabel,
  labels: AsyncIterable<LabelData>,
  onProgress?: (done: number) => void,
): AsyncGenerator<Buffer> {
  const { toPng } = await renderer();
  let done = 0;
  for await (const data of labels) {
    yield toPng(label, data);
    done += 1;
    onProgress?.(done);
  }
}
