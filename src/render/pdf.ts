/** Labels as PDF: one a page, or on sheets. Symbols are one fill each, texts are embedded open fonts. */
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import PDFDocument from 'pdfkit';
import { type CompiledLabel, type Drawn, draw } from './compiled.ts';
import { type FontName, fontFile, runsOf, widthOf } from './fonts.ts';
import type { LabelData } from './placeholders.ts';
import { baseline, rectanglesOf } from './raster.ts';
import type { Sheet } from './sheet.ts';

export interface PdfOptions {
  sheet?: Sheet;
  /** The first free place of a sheet that was used before, from 1. */
  start?: number;
  /** Where this printer puts things beside their place, in mm to the right and down. */
  offsetX?: number;
  offsetY?: number;
  /** Draws the edges of every label, to hold a test page against a sheet. */
  outline?: boolean;
  onProgress?: (done: number) => void;
}

const points = 72 / 25.4;
const number = (value: number): string => String(Math.round(value * 1000) / 1000);

/** A stream of PDF bytes; memory does not grow with the number of labels. Faults of a label end it with their error. */
export function pdfStream(
  label: CompiledLabel,
  items: Iterable<LabelData> | AsyncIterable<LabelData>,
  options: PdfOptions = {},
): NodeJS.ReadableStream & AsyncIterable<Buffer> {
  const out = new PassThrough({ highWaterMark: 1 << 18 });
  write(label, items, options, out).catch((error: Error) => out.destroy(error));
  return out as unknown as NodeJS.ReadableStream & AsyncIterable<Buffer>;
}

async function write(
  label: CompiledLabel,
  items: Iterable<LabelData> | AsyncIterable<LabelData>,
  options: PdfOptions,
  out: PassThrough,
): Promise<void> {
  const doc = new PDFDocument({ autoFirstPage: false, margin: 0, info: { Title: 'Labels', Creator: 'Assetra' } });
  // Print at 100 %: a scaled symbol has modules that are no whole dots.
  const { data } = (doc as unknown as { _root: { data: Record<string, unknown> } })._root;
  data.ViewerPreferences = doc.ref({ PrintScaling: 'None' });
  doc.pipe(out);
  const paper = new Paper(doc, label, options);
  let done = 0;
  for await (const item of items) {
    paper.put(draw(label, item));
    done += 1;
    options.onProgress?.(done);
    // pdfkit hands its bytes on between turns of the loop; without these they would pile up.
    if (done % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (out.writableNeedDrain) await Promise.race([once(out, 'drain'), once(out, 'close')]);
    if (out.destroyed) return;
  }
  if (done === 0) paper.blank();
  doc.end();
}

/** Where the next label goes, and how its parts are put there. */
class Paper {
  readonly #doc: PDFKit.PDFDocument;
  readonly #label: CompiledLabel;
  readonly #options: PdfOptions;
  #place: number;
  #fonts = new Set<FontName>();

  constructor(doc: PDFKit.PDFDocument, label: CompiledLabel, options: PdfOptions) {
    this.#doc = doc;
    this.#label = label;
    this.#options = options;
    this.#place = (options.start ?? 1) - 1;
  }

  blank(): void {
    const { sheet } = this.#options;
    const [width, height] = sheet
      ? [sheet.paper_width_mm, sheet.paper_height_mm]
      : [this.#label.width_mm, this.#label.height_mm];
    this.#doc.addPage({ size: [width * points, height * points], margin: 0 });
  }

  put(parts: readonly Drawn[]): void {
    const { x, y } = this.#next();
    const scale = points / this.#label.dotsPerMm;
    this.#doc.addContent(`q 1 0 0 1 ${number(x * points)} ${number(y * points)} cm`);
    if (this.#options.outline) this.#outline();
    for (const part of parts) {
      if (part.type === 'text') this.#text(part, scale);
      else if (part.type === 'logo') this.#logo(part, scale);
      else this.#fill(part, scale);
    }
    this.#doc.addContent('Q');
  }

  /** The top left corner of the next label in mm; a new page when one is due. */
  #next(): { x: number; y: number } {
    const { sheet, offsetX = 0, offsetY = 0 } = this.#options;
    if (!sheet) {
      this.blank();
      return { x: offsetX, y: offsetY };
    }
    const perPage = sheet.columns * sheet.rows;
    const place = this.#place % perPage;
    if (place === 0 || !this.#doc.page) this.blank();
    this.#place += 1;
    const centred = {
      x: (sheet.label_width_mm - this.#label.width_mm) / 2,
      y: (sheet.label_height_mm - this.#label.height_mm) / 2,
    };
    return {
      x: sheet.margin_left_mm + (place % sheet.columns) * sheet.pitch_x_mm + centred.x + offsetX,
      y: sheet.margin_top_mm + Math.floor(place / sheet.columns) * sheet.pitch_y_mm + centred.y + offsetY,
    };
  }

  #fill(part: Extract<Drawn, { type: 'symbol' | 'line' }>, scale: number): void {
    const boxes = part.type === 'line' ? [[part.x, part.y, part.width, part.height] as const] : rectanglesOf(part);
    // Whole dots inside the scaled frame: short numbers, and no gap between neighbours.
    const rectangles = boxes.map(([x, y, width, height]) => `${x} ${y} ${width} ${height} re`).join(' ');
    this.#doc.addContent(`q ${scale.toFixed(6)} 0 0 ${scale.toFixed(6)} 0 0 cm 0 g ${rectangles} f Q`);
  }

  #text({ x, y, width, height, size, align, set, text }: Extract<Drawn, { type: 'text' }>, scale: number): void {
    const left = align === 'left' ? 0 : align === 'right' ? width - set : (width - set) / 2;
    let at = x + left;
    this.#doc.fillColor('black').fontSize(size * scale);
    for (const run of runsOf(text)) {
      this.#use(run.font);
      this.#doc.text(run.text, at * scale, baseline(y, height, size) * scale, {
        lineBreak: false,
        baseline: 'alphabetic',
      });
      at += widthOf(run.text, size);
    }
  }

  #use(name: FontName): void {
    if (!this.#fonts.has(name)) this.#doc.registerFont(name, fontFile(name));
    this.#fonts.add(name);
    this.#doc.font(name);
  }

  #logo({ x, y, width, height, path }: Extract<Drawn, { type: 'logo' }>, scale: number): void {
    this.#doc
      .save()
      .translate(x * scale, y * scale)
      .scale((width * scale) / 100, (height * scale) / 100)
      .path(path)
      .fill('black')
      .restore();
  }

  #outline(): void {
    const { width_mm, height_mm } = this.#label;
    this.#doc.addContent(`q 0.2 w 0.6 G 0 0 ${number(width_mm * points)} ${number(height_mm * points)} re S Q`);
  }
}
