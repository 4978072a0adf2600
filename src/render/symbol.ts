/** Symbols as modules: which are dark, how many, and how much white must stay around them. */
import bwipjs from 'bwip-js/node';
import { correction, generate, mode } from 'lean-qr';
import { Invalid } from '../base/errors.ts';

export interface Matrix {
  /** In modules, without quiet zone. A row of bars is one module high and drawn as tall as its place. */
  columns: number;
  rows: number;
  bars: boolean;
  /** White around, in modules. */
  quietX: number;
  quietY: number;
  /** Dark runs by row: start and length in modules. */
  runs: readonly { row: number; from: number; length: number }[];
}

interface Kind {
  bcid: string;
  square: boolean;
  quietX: number;
  quietY: number;
  options?: Record<string, unknown>;
}

/** Quiet zones by ISO/IEC 18004 (QR), 16022 (Data Matrix), 15417 (Code 128), 15420 (EAN), 16390 (ITF), 16388 (Code 39). */
const kinds: Record<string, Kind> = {
  qr: { bcid: 'qrcode', square: true, quietX: 4, quietY: 4, options: { eclevel: 'M' } },
  'gs1-qr': { bcid: 'gs1qrcode', square: true, quietX: 4, quietY: 4, options: { eclevel: 'M' } },
  datamatrix: { bcid: 'datamatrix', square: true, quietX: 1, quietY: 1 },
  'gs1-datamatrix': { bcid: 'gs1datamatrix', square: true, quietX: 1, quietY: 1 },
  aztec: { bcid: 'azteccode', square: true, quietX: 1, quietY: 1 },
  pdf417: { bcid: 'pdf417', square: false, quietX: 2, quietY: 2, options: { eclevel: 2 } },
  code128: { bcid: 'code128', square: false, quietX: 10, quietY: 0 },
  'gs1-128': { bcid: 'gs1-128', square: false, quietX: 10, quietY: 0 },
  code39: { bcid: 'code39', square: false, quietX: 10, quietY: 0 },
  ean13: { bcid: 'ean13', square: false, quietX: 11, quietY: 0 },
  ean8: { bcid: 'ean8', square: false, quietX: 7, quietY: 0 },
  upca: { bcid: 'upca', square: false, quietX: 9, quietY: 0 },
  itf14: { bcid: 'itf14', square: false, quietX: 10, quietY: 0, options: { showborder: false } },
};

/** Names under which a template may ask for a symbol; `gs1` is GS1-128. */
export const symbologies = [...Object.keys(kinds), 'gs1'] as const;

export const canonical = (symbology: string): string => (symbology === 'gs1' ? 'gs1-128' : symbology);

export const isSquare = (symbology: string): boolean => kinds[canonical(symbology)]!.square;

const kept = 2_000;
const cache = new Map<string, Matrix>();

/** Invalid on `code` when the symbology cannot carry the text. */
export function encode(symbology: string, text: string): Matrix {
  const key = `${symbology}\n${text}`;
  const known = cache.get(key);
  if (known) return known;
  const matrix = encodeNow(canonical(symbology), text);
  if (cache.size >= kept) cache.delete(cache.keys().next().value!);
  cache.set(key, matrix);
  return matrix;
}

/** The size of a symbol without its modules, when only the printer draws them. */
export type Geometry = Omit<Matrix, 'runs'>;

const geometries = new Map<string, Geometry>();

/**
 * As `encode`, but for codes that differ only in which digit or letter stands where, the symbol is as large, so one of
 * them is encoded for all. Not for symbols that hold a check digit: each of those has to be checked.
 */
export function measure(symbology: string, text: string): Geometry {
  const name = canonical(symbology);
  if (!['qr', 'code128', 'datamatrix'].includes(name) || !/^[\u0020-\u007e]+$/.test(text))
    return encode(symbology, text);
  const key = name + shapeOf(text);
  const known = geometries.get(key);
  if (known) return known;
  const { runs: _, ...geometry } = encode(symbology, text);
  if (geometries.size >= kept) geometries.delete(geometries.keys().next().value!);
  geometries.set(key, geometry);
  return geometry;
}

/** The text with 0 for every digit, A and a for every letter. */
function shapeOf(text: string): string {
  let shape = '';
  for (const letter of text) shape += shapes.get(letter) ?? letter;
  return shape;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const shapes = new Map<string, string>([
  ...[...'0123456789'].map((digit) => [digit, '0'] as const),
  ...[...alphabet].map((letter) => [letter, 'A'] as const),
  ...[...alphabet.toLowerCase()].map((letter) => [letter, 'a'] as const),
]);

function encodeNow(symbology: string, text: string): Matrix {
  const { bcid, quietX, quietY, options } = kinds[symbology]!;
  if (text === '') throw new Invalid({ code: ['There is no code to print.'] });
  // bwip-js would print other characters as their bytes, which no scanner reads back.
  if (symbology === 'code128' && !/^[\u0020-\u007e]*$/.test(text))
    throw new Invalid({ code: ['Code 128 prints ASCII characters only. Choose QR or Data Matrix for this code.'] });
  try {
    if (symbology === 'qr' && /^[\u0020-\u007e]*$/.test(text)) return { quietX, quietY, ...qrOf(text) };
    const [drawn] = bwipjs.raw({ ...options, bcid, text } as never) as unknown as [Pixels | Bars];
    return { quietX, quietY, ...('pixs' in drawn ? ofPixels(drawn) : ofBars(drawn)) };
  } catch (error) {
    throw new Invalid({ code: [`This code cannot be printed as ${symbology}: ${sentence(error)}`] }, { cause: error });
  }
}

/** ASCII as QR, ten times as fast as bwip-js, which tries each mask at length; other text needs its byte mode without ECI. */
function qrOf(text: string): Pick<Matrix, 'columns' | 'rows' | 'bars' | 'runs'> {
  const modes = [mode.numeric, mode.alphaNumeric, mode.ascii];
  const level = { minCorrectionLevel: correction.M, maxCorrectionLevel: correction.M };
  const code = generate(text, { ...level, modes });
  return runsOf(code.size, code.size, (row, column) => code.get(column, row));
}

interface Pixels {
  pixs: number[];
  pixx: number;
  pixy: number;
}

interface Bars {
  sbs: number[];
}

const ofPixels = ({ pixs, pixx, pixy }: Pixels) =>
  runsOf(pixy, pixx, (row, column) => Boolean(pixs[row * pixx + column]));

function runsOf(
  rows: number,
  columns: number,
  isDark: (row: number, column: number) => boolean,
): Pick<Matrix, 'columns' | 'rows' | 'bars' | 'runs'> {
  const runs: { row: number; from: number; length: number }[] = [];
  for (let row = 0; row < rows; row += 1) {
    for (let from = 0; from < columns; from += 1) {
      if (!isDark(row, from)) continue;
      let length = 1;
      while (from + length < columns && isDark(row, from + length)) length += 1;
      runs.push({ row, from, length });
      from += length;
    }
  }
  return { columns, rows, bars: false, runs };
}

/** Bar, space, bar, space …, each its width in modules. */
function ofBars({ sbs }: Bars): Pick<Matrix, 'columns' | 'rows' | 'bars' | 'runs'> {
  let from = 0;
  const runs = sbs.flatMap((length, index) => {
    const run = { row: 0, from, length };
    from += length;
    return index % 2 === 0 ? [run] : [];
  });
  return { columns: from, rows: 1, bars: true, runs };
}

/** bwip-js: `bwipp.GS1badChecksum#1234: AI 01: Bad checksum`; some texts end in the whole input. */
const sentence = (error: unknown): string => {
  const text = String((error as Error).message ?? error).replace(/^bwipp\.\w+#\d+: /, '');
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
};
