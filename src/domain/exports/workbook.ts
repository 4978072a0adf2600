/** Rows -> an .xlsx workbook (ECMA-376), written as it is read: no more than a page is in memory. */
import { Readable } from 'node:stream';
import yazl from 'yazl';
import type { Row } from '../../db/database.ts';

/** Rows that a sheet holds, with its headings; the next ones begin another. */
const mostRows = 1_048_576;
/** Characters that a cell holds. */
const mostText = 32_767;

const head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const documents = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const packages = 'http://schemas.openxmlformats.org/package/2006';
const types = 'application/vnd.openxmlformats-officedocument.spreadsheetml';

export async function* workbook(
  fields: readonly string[],
  pages: AsyncIterable<Row[]>,
  rowsOfSheet = mostRows,
): AsyncGenerator<Uint8Array> {
  const zip = new yazl.ZipFile();
  const output = zip.outputStream as Readable;
  const fail = (error: unknown) => output.destroy(error as Error);
  const rows = rowTexts(fields, pages);
  const source = new Sheets(rows, heading(fields), rowsOfSheet);
  const addSheet = (number: number) => {
    const sheet = Readable.from(source.next());
    sheet.on('error', fail);
    sheet.on('end', () => {
      if (source.more) return addSheet(number + 1);
      addFrame(zip, number);
      zip.end();
    });
    zip.addReadStream(sheet, `xl/worksheets/sheet${number}.xml`);
  };
  zip.on('error', fail);
  addSheet(1);
  try {
    yield* output as AsyncIterable<Uint8Array>;
  } finally {
    await rows.return(undefined);
  }
}

/** Cuts a run of rows into sheets. */
class Sheets {
  readonly #rows: AsyncGenerator<string>;
  readonly #heading: string;
  readonly #most: number;
  #held: string | undefined;
  /** Whether there are rows for another sheet. */
  more = false;

  constructor(rows: AsyncGenerator<string>, heading: string, most: number) {
    this.#rows = rows;
    this.#heading = heading;
    this.#most = most;
  }

  async *next(): AsyncGenerator<string> {
    yield `${head}<worksheet xmlns="${main}">${frozen}<sheetData>${this.#heading}`;
    let count = 1;
    let text = this.#held ?? '';
    if (this.#held !== undefined) count += 1;
    this.#held = undefined;
    this.more = false;
    for (;;) {
      const { value, done } = await this.#rows.next();
      if (done) break;
      if (count === this.#most) {
        this.#held = value;
        this.more = true;
        break;
      }
      count += 1;
      text += value;
      if (text.length < 65_536) continue;
      yield text;
      text = '';
    }
    yield `${text}</sheetData></worksheet>`;
  }
}

/** The headings stay in sight. */
const frozen =
  '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>';

const heading = (fields: readonly string[]): string => `<row>${fields.map(cell).join('')}</row>`;

async function* rowTexts(fields: readonly string[], pages: AsyncIterable<Row[]>): AsyncGenerator<string> {
  for await (const rows of pages)
    for (const row of rows) yield `<row>${fields.map((field) => cell(row[field])).join('')}</row>`;
}

/** Texts are texts, whatever they begin with: none is ever a formula. */
function cell(value: unknown): string {
  if (value === null || value === undefined || value === '') return '<c/>';
  if (typeof value === 'number' && Number.isFinite(value)) return `<c><v>${value}</v></c>`;
  if (typeof value === 'boolean') return `<c t="b"><v>${value ? 1 : 0}</v></c>`;
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return `<c t="inlineStr"><is><t xml:space="preserve">${escaped(text.slice(0, mostText))}</t></is></c>`;
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** What XML cannot hold is written as `_x0007_` (22.9.2.19 of part 1), and a text that looks so is kept from being read so. */
function escaped(text: string): string {
  if (!/[&<>_\u0000-\u001f\ud800-\udfff\ufffe\uffff]/.test(text)) return text;
  return text
    .toWellFormed()
    .replace(/_(?=x[\da-fA-F]{4}_)/g, '_x005F_')
    .replace(/[&<>]/g, (sign) => entities[sign]!)
    .replace(/[\u0000-\u0008\u000b-\u001f\ufffe\uffff]/g, (sign) => `_x${hex(sign)}_`);
}

const hex = (sign: string): string => sign.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');

/** The parts that name the sheets, once it is known how many there are. */
function addFrame(zip: yazl.ZipFile, sheets: number): void {
  const each = (part: (number: number) => string) =>
    Array.from({ length: sheets }, (_, index) => part(index + 1)).join('');
  const override = (name: string, type: string) => `<Override PartName="${name}" ContentType="${types}.${type}+xml"/>`;
  const relation = (id: string, type: string, target: string) =>
    `<Relationship Id="${id}" Type="${documents}/${type}" Target="${target}"/>`;
  const parts = {
    'xl/workbook.xml':
      `<workbook xmlns="${main}" xmlns:r="${documents}"><sheets>` +
      `${each((n) => `<sheet name="Sheet${n}" sheetId="${n}" r:id="rId${n}"/>`)}</sheets></workbook>`,
    'xl/_rels/workbook.xml.rels':
      `<Relationships xmlns="${packages}/relationships">` +
      `${each((n) => relation(`rId${n}`, 'worksheet', `worksheets/sheet${n}.xml`))}</Relationships>`,
    '_rels/.rels': `<Relationships xmlns="${packages}/relationships">${relation('rId1', 'officeDocument', 'xl/workbook.xml')}</Relationships>`,
    '[Content_Types].xml':
      `<Types xmlns="${packages}/content-types">` +
      '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>' +
      '<Default Extension="xml" ContentType="application/xml"/>' +
      `${override('/xl/workbook.xml', 'sheet.main')}${each((n) => override(`/xl/worksheets/sheet${n}.xml`, 'worksheet'))}</Types>`,
  };
  for (const [name, text] of Object.entries(parts)) zip.addBuffer(Buffer.from(head + text), name);
}
