/** Parts of a label as black and white dots: for pictures, and for what a printer cannot draw by itself. */
import { createRequire } from 'node:module';
import type * as Resvg from '@resvg/resvg-js';
import type { Drawn } from './compiled.ts';
import { outlineOf } from './fonts.ts';
import { encode } from './symbol.ts';

export interface Raster {
  x: number;
  y: number;
  width: number;
  height: number;
  /** One bit a dot, rows padded to bytes; 1 is black. */
  bits: Buffer;
}

type Symbol = Extract<Drawn, { type: 'symbol' }>;

/** The part as SVG path data, in dots. */
export function pathOf(part: Drawn): string {
  if (part.type === 'line') return rectangle(part.x, part.y, part.width, part.height);
  if (part.type === 'symbol')
    return rectanglesOf(part)
      .map((one) => rectangle(...one))
      .join('');
  if (part.type === 'logo') return '';
  const { x, y, width, height, size, align, set, text } = part;
  const left = align === 'left' ? 0 : align === 'right' ? width - set : (width - set) / 2;
  return outlineOf(text, size, x + left, baseline(y, height, size));
}

/** Letters stand in the middle of their line: capitals are 0.71 of the size. */
export const baseline = (y: number, height: number, size: number): number => y + (height + size * 0.71) / 2;

/** x, y, width and height in dots of each dark run. */
export function rectanglesOf({ symbology, code, module, x, y, height }: Symbol): [number, number, number, number][] {
  const matrix = encode(symbology, code);
  const rowHeight = matrix.bars ? height : module;
  return matrix.runs.map(({ row, from, length }) => [x + from * module, y + row * module, length * module, rowHeight]);
}

const rectangle = (x: number, y: number, width: number, height: number): string =>
  `M${x} ${y}h${width}v${height}h${-width}Z`;

/** The drawing of a whole label as SVG, black on white. */
export function svgOf(parts: readonly Drawn[], width: number, height: number, scale = 1): string {
  const shapes = parts.map((part) => {
    if (part.type === 'logo')
      return `<path transform="translate(${part.x} ${part.y}) scale(${part.width / 100} ${part.height / 100})" d="${part.path.replace(/[^\w\s.,+-]/g, '')}"/>`;
    const crisp = part.type === 'text' ? '' : ' shape-rendering="crispEdges"';
    return `<path${crisp} d="${pathOf(part)}"/>`;
  });
  const size = `width="${Math.round(width * scale)}" height="${Math.round(height * scale)}" viewBox="0 0 ${width} ${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size}><rect width="100%" height="100%" fill="#fff"/>${shapes.join('')}</svg>`;
}

let resvg: typeof Resvg | undefined;

export function renderSvg(svg: string): Resvg.RenderedImage {
  resvg ??= createRequire(import.meta.url)('@resvg/resvg-js') as typeof Resvg;
  return new resvg.Resvg(svg, { font: { loadSystemFonts: false } }).render();
}

/** One part alone, cut to its place. */
export function rasterise(part: Drawn): Raster {
  const { x, y, width, height } = boundsOf(part);
  const svg = svgOf([part], x + width, y + height);
  const { pixels, width: columns } = renderSvg(svg);
  const stride = Math.ceil(width / 8);
  const bits = Buffer.alloc(stride * height);
  for (let row = 0; row < height; row += 1)
    for (let column = 0; column < width; column += 1)
      if (pixels[((y + row) * columns + x + column) * 4]! < 128)
        bits[row * stride + (column >> 3)]! |= 0x80 >> (column & 7);
  return { x, y, width, height, bits };
}

function boundsOf(part: Drawn): { x: number; y: number; width: number; height: number } {
  if (part.type !== 'symbol') return part;
  const { x, y, size, module, height } = part;
  return { x, y, width: size.columns * module, height };
}

/** ^GFA with the compression of the ZPL II manual: repeat counts, `,` for a rest of zeros, `:` for the row above. */
export function graphic({ x, y, width, height, bits }: Raster): string {
  const stride = Math.ceil(width / 8);
  let above = '';
  let data = '';
  for (let row = 0; row < height; row += 1) {
    const line = bits
      .subarray(row * stride, (row + 1) * stride)
      .toString('hex')
      .toUpperCase();
    data += line === above ? ':' : compressed(line);
    above = line;
  }
  return `^FO${x},${y}^GFA,${bits.length},${bits.length},${stride},${data}^FS`;
}

function compressed(line: string): string {
  const body = line.replace(/0+$/, '');
  const packed = body.replace(/(.)\1*/g, (run, digit: string) =>
    run.length === 1 ? digit : count(run.length) + digit,
  );
  return body.length === line.length ? packed : `${packed},`;
}

/** g to z are 20 to 400, G to Y are 1 to 19. */
function count(length: number): string {
  const rest = length % 20;
  const twenties = Math.min(20, (length - rest) / 20);
  const more = length - twenties * 20 - rest;
  const letters =
    (twenties > 0 ? String.fromCharCode(0x66 + twenties) : '') + (rest > 0 ? String.fromCharCode(0x46 + rest) : '');
  return more > 0 ? 'z'.repeat(more / 400) + letters : letters;
}
