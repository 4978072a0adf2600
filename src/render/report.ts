/** A report as PDF on A4: title, facts, tables that run over pages with their headings, numbered pages, embedded fonts. */
import { PassThrough } from 'node:stream';
import PDFDocument from 'pdfkit';
import { type FontName, fontFile, runsOf, widthOf } from './fonts.ts';

export interface Section {
  title: string;
  /** Said instead of a table without rows. */
  empty: string;
  columns: readonly Column[];
  rows: readonly (readonly string[])[];
}

export interface Column {
  heading: string;
  /** Of the page's width, in parts of all columns. */
  share: number;
  align?: 'right';
}

export interface Report {
  title: string;
  /** At the foot of each page, beside its number. */
  footer: string;
  facts: readonly (readonly [string, string])[];
  sections: readonly Section[];
}

const page = { width: 595.28, height: 841.89, margin: 42, foot: 34 };
const room = page.width - 2 * page.margin;
const sizes = { title: 18, section: 12, text: 8.5, foot: 7.5 };
const leading = 1.35;
const gap = 6;
/** A cell shows so many lines, and what is cut ends in an ellipsis. */
const mostLines = 4;

/** A stream of PDF bytes. Pages are kept until the last is known, since each says of how many it is. */
export function reportPdf(report: Report): NodeJS.ReadableStream & AsyncIterable<Buffer> {
  const out = new PassThrough({ highWaterMark: 1 << 18 });
  write(report, out).catch((error: Error) => out.destroy(error));
  return out as unknown as NodeJS.ReadableStream & AsyncIterable<Buffer>;
}

async function write(report: Report, out: PassThrough): Promise<void> {
  const doc = new PDFDocument({
    size: [page.width, page.height],
    margin: 0,
    bufferPages: true,
    info: { Title: report.title, Creator: 'Assetra' },
  });
  doc.pipe(out);
  const sheet = new Sheet(doc);
  sheet.paragraph(report.title, sizes.title);
  sheet.facts(report.facts);
  let done = 0;
  for (const section of report.sections) {
    sheet.heading(section);
    for (const row of section.rows) {
      sheet.row(section, row);
      done += 1;
      // A report of thousands of rows must not hold up whoever else is served.
      if (done % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (out.destroyed) return;
    }
  }
  sheet.numberPages(report.footer);
  doc.end();
}

/** Where the next line goes. */
class Sheet {
  readonly #doc: PDFKit.PDFDocument;
  readonly #fonts = new Set<FontName>();
  #y = page.margin;

  constructor(doc: PDFKit.PDFDocument) {
    this.#doc = doc;
  }

  paragraph(text: string, size: number): void {
    for (const line of linesOf(text, size, room)) {
      this.#text(line, page.margin, this.#y, size);
      this.#y += size * leading;
    }
  }

  facts(facts: Report['facts']): void {
    this.#y += gap;
    const left = Math.max(0, ...facts.map(([name]) => widthOf(name, sizes.text))) + 2 * gap;
    for (const [name, value] of facts) {
      const lines = linesOf(value, sizes.text, room - left);
      this.#keep(heightOf(lines.length));
      this.#text(name, page.margin, this.#y, sizes.text, 'grey');
      for (const line of lines) {
        this.#text(line, page.margin + left, this.#y, sizes.text);
        this.#y += sizes.text * leading;
      }
    }
  }

  /** A title stays with its headings and the first row. */
  heading(section: Section): void {
    this.#y += 2 * gap;
    this.#keep(sizes.section * leading + 3 * heightOf(1) + 2 * gap);
    this.paragraph(section.title, sizes.section);
    this.#y += gap / 2;
    if (section.rows.length > 0) this.#headings(section);
    else {
      this.#text(section.empty, page.margin, this.#y, sizes.text, 'grey');
      this.#y += sizes.text * leading;
    }
  }

  row(section: Section, cells: readonly string[]): void {
    const lines = cells.map((cell, index) => linesOf(cell, sizes.text, widthOfColumn(section, index) - gap, mostLines));
    const height = heightOf(Math.max(1, ...lines.map(({ length }) => length)));
    if (this.#keep(height)) this.#headings(section);
    this.#cells(section, lines, 'black');
    this.#y += height;
    this.#rule(0.3, '#cccccc');
  }

  numberPages(footer: string): void {
    const { start, count } = this.#doc.bufferedPageRange();
    for (let index = 0; index < count; index += 1) {
      this.#doc.switchToPage(start + index);
      const number = `Page ${index + 1} of ${count}`;
      const y = page.height - page.foot;
      const width = widthOf(number, sizes.foot);
      const [line = ''] = linesOf(footer, sizes.foot, room - width - gap, 1);
      this.#text(line, page.margin, y, sizes.foot, 'grey');
      this.#text(number, page.width - page.margin - width, y, sizes.foot, 'grey');
    }
  }

  #headings(section: Section): void {
    const lines = section.columns.map(({ heading }) => [heading]);
    this.#cells(section, lines, 'grey');
    this.#y += heightOf(1);
    this.#rule(0.8, 'black');
  }

  #cells(section: Section, lines: readonly (readonly string[])[], colour: string): void {
    let x = page.margin;
    for (const [index, { align }] of section.columns.entries()) {
      const width = widthOfColumn(section, index);
      for (const [number, line] of (lines[index] ?? []).entries()) {
        const left = align === 'right' ? width - gap - widthOf(line, sizes.text) : 0;
        this.#text(line, x + left, this.#y + gap / 3 + number * sizes.text * leading, sizes.text, colour);
      }
      x += width;
    }
  }

  /** Begins a page when the height does not fit on this one, and says so. */
  #keep(height: number): boolean {
    if (this.#y + height <= page.height - page.margin - page.foot / 2) return false;
    this.#doc.addPage({ size: [page.width, page.height], margin: 0 });
    this.#y = page.margin;
    return true;
  }

  #rule(weight: number, colour: string): void {
    const y = this.#y;
    this.#doc
      .moveTo(page.margin, y)
      .lineTo(page.margin + room, y)
      .lineWidth(weight)
      .strokeColor(colour)
      .stroke();
  }

  #text(text: string, x: number, y: number, size: number, colour = 'black'): void {
    this.#doc.fillColor(colour).fontSize(size);
    let at = x;
    for (const run of runsOf(text)) {
      if (!this.#fonts.has(run.font)) this.#doc.registerFont(run.font, fontFile(run.font));
      this.#fonts.add(run.font);
      this.#doc.font(run.font).text(run.text, at, y + size, { lineBreak: false, baseline: 'alphabetic' });
      at += widthOf(run.text, size);
    }
  }
}

const heightOf = (lines: number): number => lines * sizes.text * leading + gap / 2;

function widthOfColumn({ columns }: Section, index: number): number {
  const all = columns.reduce((sum, { share }) => sum + share, 0);
  return (columns[index]!.share / all) * room;
}

const words = new Intl.Segmenter(undefined, { granularity: 'word' });
const letters = new Intl.Segmenter();

/** The text in lines of the width: broken between words, and within one that is wider than a line. */
function linesOf(text: string, size: number, width: number, most = Number.POSITIVE_INFINITY): string[] {
  const plain = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
  if (widthOf(plain, size) <= width) return [plain];
  const lines: string[] = [''];
  const put = (part: string): boolean => {
    const line = lines.at(-1)! + part;
    if (line !== part && widthOf(line.trimEnd(), size) > width) return false;
    lines[lines.length - 1] = line;
    return true;
  };
  for (const { segment: word } of words.segment(plain)) {
    const parts = widthOf(word, size) <= width ? [word] : [...letters.segment(word)].map(({ segment }) => segment);
    for (const part of parts) if (!put(part)) lines.push(part.trimStart());
  }
  const shown = lines.slice(0, most).map((line) => line.trimEnd());
  return lines.length > most ? [...shown.slice(0, -1), shortened(shown.at(-1)!, size, width)] : shown;
}

function shortened(text: string, size: number, width: number): string {
  const kept = [...letters.segment(text)].map(({ segment }) => segment);
  while (kept.length > 0 && widthOf(`${kept.join('')}…`, size) > width) kept.pop();
  return `${kept.join('')}…`;
}
