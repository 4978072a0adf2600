/**
 * ZPL as a picture, for the simulated printer: the commands that `zpl.ts` writes, and of others those that draw the same.
 * What it does not know leaves nothing on the label.
 */
import { outlineOf } from './fonts.ts';
import { renderSvg } from './raster.ts';
import { encode } from './symbol.ts';

interface Pen {
  x: number;
  y: number;
  module: number;
  escape: string;
  font: number;
  block: { width: number; align: string } | undefined;
  /** Draws the data that comes with ^FD. */
  next: ((data: string) => string) | undefined;
}

interface Page {
  width: number;
  height: number;
}

/** PNG of one label, a pixel for each dot. */
export function pictureOf(zpl: string, dotsPerMm: number): Buffer {
  const page: Page = { width: 50 * dotsPerMm, height: 25 * dotsPerMm };
  const pen: Pen = { x: 0, y: 0, module: 2, escape: '', font: 24, block: undefined, next: undefined };
  let paths = '';
  for (const [, name, rest] of zpl.matchAll(/\^([A-Z][A-Z0-9@])([^^]*)/gi))
    paths += drawn(name!.toUpperCase(), rest!, pen, page);
  const size = `width="${page.width}" height="${page.height}"`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" ${size}><rect width="100%" height="100%" fill="#fff"/><path shape-rendering="crispEdges" d="${paths}"/></svg>`;
  return renderSvg(svg).asPng();
}

const rectangle = (x: number, y: number, width: number, height: number): string =>
  `M${x} ${y}h${width}v${height}h${-width}Z`;

/** What one command draws, as path data. */
function drawn(name: string, rest: string, pen: Pen, page: Page): string {
  const [one = 0, two = 0, three = 1] = rest.split(',').map(Number);
  if (name === 'PW') page.width = one;
  else if (name === 'LL') page.height = one;
  else if (name === 'FO') [pen.x, pen.y] = [one, two];
  else if (name === 'BY') pen.module = one;
  else if (name === 'FH') pen.escape = rest[0] ?? '_';
  else if (name.startsWith('A') && name !== 'AZ') pen.font = two || one || pen.font;
  else if (name === 'FB') pen.block = { width: one, align: rest.split(',')[3] ?? 'L' };
  else if (name === 'GB') return rectangle(pen.x, pen.y, Math.max(one, three), Math.max(two, three));
  else if (name === 'GF') return graphicOf(rest, pen);
  else if (name === 'FD') return (pen.next ?? textOf(pen))(unescaped(rest, pen.escape));
  else if (name === 'FS') [pen.escape, pen.block, pen.next] = ['', undefined, undefined];
  else pen.next = symbolOf(name, rest.split(','), pen) ?? pen.next;
  return '';
}

const textOf =
  ({ x, y, font, block }: Pen) =>
  (text: string): string => {
    const width = block?.width ?? 0;
    const set = text.length * font * 0.5;
    const left =
      block?.align === 'C' ? Math.max(0, (width - set) / 2) : block?.align === 'R' ? Math.max(0, width - set) : 0;
    return outlineOf(text, font * 0.9, x + left, y + font * 0.8);
  };

function symbolOf(name: string, values: string[], pen: Pen): Pen['next'] {
  const number = (at: number) => Number(values[at] || 0);
  const draw = (symbology: string, module: number, height: number) => (data: string) =>
    modules(symbology, data, pen, module, height);
  switch (name) {
    case 'BQ':
      // Error correction and input mode come before the data.
      return (data) => modules('qr', data.slice(3), pen, number(2) || 2, 0);
    case 'BC':
      return values[5]?.startsWith('D')
        ? (data) => modules('gs1-128', bracketed(data.split('>8')), pen, pen.module, number(1))
        : draw('code128', pen.module, number(1));
    case 'BX':
      return (data) => {
        const mark = `${values[6] ?? '_'}1`;
        const isGs1 = data.startsWith(mark);
        const text = isGs1 ? bracketed(data.slice(mark.length).split(mark)) : data;
        return modules(isGs1 ? 'gs1-datamatrix' : 'datamatrix', text, pen, number(1), 0);
      };
    case 'BE':
      return draw('ean13', pen.module, number(1));
    default:
      return undefined;
  }
}

/** Lengths of the values that end without a separator, by the first two digits (GS1 General Specifications, 7.8.5). */
const fixed: Record<string, number> = { '00': 18, '01': 14, '02': 14, '03': 14, '04': 16, 20: 2, 41: 13 };
for (const date of [11, 12, 13, 14, 15, 16, 17, 18, 19]) fixed[date] = 6;
for (const measure of [31, 32, 33, 34, 35, 36]) fixed[measure] = 6;

const identifierLength = (text: string): number =>
  /^(2[345]|4|71)/.test(text) ? 3 : /^(3[1-69]|43|7[02]|8)/.test(text) ? 4 : 2;

/** Elements with brackets around their identifiers, as the encoder wants them. */
function bracketed(parts: string[]): string {
  if (parts[0]?.startsWith('(')) return parts.join('');
  let text = '';
  for (let rest of parts)
    while (rest.length > 0) {
      const length = identifierLength(rest);
      const value = rest.slice(length, length + (fixed[rest.slice(0, 2)] ?? rest.length));
      text += `(${rest.slice(0, length)})${value}`;
      rest = rest.slice(length + value.length);
      if (value === '') return text;
    }
  return text;
}

function modules(symbology: string, text: string, { x, y }: Pen, module: number, height: number): string {
  try {
    const matrix = encode(symbology, text);
    const tall = matrix.bars ? height : module;
    return matrix.runs
      .map(({ row, from, length }) => rectangle(x + from * module, y + row * module, length * module, tall))
      .join('');
  } catch {
    // A printer leaves out what it cannot encode.
    return '';
  }
}

function unescaped(text: string, mark: string): string {
  if (mark === '') return text;
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const code = text[at] === mark ? Number.parseInt(text.slice(at + 1, at + 3), 16) : Number.NaN;
    bytes.push(Number.isNaN(code) ? text.charCodeAt(at) : code);
    if (!Number.isNaN(code)) at += 2;
  }
  return Buffer.from(bytes).toString('utf8');
}

/** ^GFA with the repeat counts of the ZPL II manual. */
function graphicOf(rest: string, { x, y }: Pen): string {
  const [, , , stride = '1', ...data] = rest.split(',');
  const width = Number(stride) * 2;
  const lines: string[] = [];
  let line = '';
  let count = 0;
  const end = (filled: string) => {
    lines.push(filled.padEnd(width, '0').slice(0, width));
    line = '';
  };
  for (const letter of data.join(',')) {
    if (letter >= 'g' && letter <= 'z') count += (letter.charCodeAt(0) - 0x66) * 20;
    else if (letter >= 'G' && letter <= 'Y') count += letter.charCodeAt(0) - 0x46;
    else if (letter === ',') end(line);
    else if (letter === ':') end(lines.at(-1) ?? '');
    else if (/[0-9A-F]/i.test(letter)) {
      line += letter.repeat(count || 1);
      count = 0;
      while (line.length >= width) {
        const more = line.slice(width);
        end(line);
        line = more;
      }
    }
  }
  return lines.map((hex, row) => runsOf(hex, x, y + row)).join('');
}

function runsOf(hex: string, x: number, y: number): string {
  const bits = [...hex].map((digit) => Number.parseInt(digit, 16).toString(2).padStart(4, '0')).join('');
  return [...bits.matchAll(/1+/g)].map(({ index, 0: run }) => rectangle(x + index, y, run.length, 1)).join('');
}
