/** The symbologies that can be named, and the rules of those that are not GS1 element strings. */
import { checkDigitOf } from './check-digit.ts';
import type { Fault } from './checks.ts';

export const symbologies = [
  'gs1',
  'code128',
  'qr',
  'datamatrix',
  'ean13',
  'ean8',
  'upca',
  'itf14',
  'code39',
  'pdf417',
  'aztec',
  'unknown',
] as const;

export type Symbology = (typeof symbologies)[number];

const aliases: ReadonlyMap<string, Symbology> = new Map([
  ...symbologies.map((name) => [name, name] as const),
  ['', 'unknown'],
  ['gs1128', 'gs1'],
  ['gs1datamatrix', 'gs1'],
  ['gs1qr', 'gs1'],
  ['gs1qrcode', 'gs1'],
  ['gs1digitallink', 'gs1'],
  ['gs1databar', 'gs1'],
  ['qrcode', 'qr'],
  ['itf', 'itf14'],
  ['pdf', 'pdf417'],
]);

const plainName = (name: string): string => name.toLowerCase().replace(/[\s_-]/g, '');

/** `GS1-128`, `gs1_datamatrix`, `EAN-13` and the like, as one of ours; undefined for a name that is none. */
export const symbologyOf = (name: string): Symbology | undefined => aliases.get(plainName(name));

const carrierLetters: ReadonlyMap<string, string> = new Map([
  ['gs1128', 'C'],
  ['gs1datamatrix', 'd'],
  ['gs1qr', 'Q'],
  ['gs1qrcode', 'Q'],
]);

/** The code letter of AIM identifiers that a GS1 symbol named so must have; undefined when the name fixes none. */
export const carrierOf = (name: string): string | undefined => carrierLetters.get(plainName(name));

/** A GS1-128 symbol holds at most this many characters, AIs and separators included. */
export const gs1LinearLimit = 48;
export const isGs1Linear = (name: string): boolean => plainName(name) === 'gs1128';

const fault = (code: string, message: string): Fault => ({ code, message });
const fits = (text: string, bytes: number, name: string): Fault[] =>
  Buffer.byteLength(text) <= bytes ? [] : [fault('TOO_LONG', `${name} holds at most ${bytes} bytes.`)];

const digitLengths: Partial<Record<Symbology, number>> = { ean13: 13, ean8: 8, upca: 12, itf14: 14 };

/** The scanner has turned pairs of Code 39 characters into ASCII (ISO/IEC 15424). */
const fullAscii = /^\]A[457]$/;

const rules: Record<Exclude<Symbology, 'gs1'>, (text: string, aim?: string) => Fault[]> = {
  unknown: () => [],
  code128: (text) =>
    /^[\u0020-\u007e\u001d]*$/.test(text)
      ? fits(text, 255, 'A Code 128')
      : [fault('BAD_CHARACTER', 'Code 128 is printed here with ASCII characters only.')],
  code39: (text, aim) =>
    (fullAscii.test(aim ?? '') ? /^[\0-\x7f]*$/ : /^[0-9A-Z\-. $/+%]*$/).test(text)
      ? fits(text, 80, 'A Code 39')
      : [fault('BAD_CHARACTER', 'Code 39 holds capitals, digits and -. $/+% only.')],
  qr: (text) => fits(text, /^\d*$/.test(text) ? 7_089 : 2_953, 'A QR code'),
  datamatrix: (text) => fits(text, /^\d*$/.test(text) ? 3_116 : 2_335, 'A Data Matrix'),
  pdf417: (text) => fits(text, 1_850, 'A PDF417'),
  aztec: (text) => fits(text, 3_067, 'An Aztec code'),
  ean13: (text) => digits(text, 13, 'EAN-13'),
  ean8: (text) => digits(text, 8, 'EAN-8'),
  upca: (text) => digits(text, 12, 'UPC-A'),
  itf14: (text) => digits(text, 14, 'ITF-14'),
};

export function faultsOf(symbology: Exclude<Symbology, 'gs1'>, text: string, aim?: string): Fault[] {
  if (text.trim() === '') return [fault('EMPTY', 'The code is empty.')];
  return rules[symbology](text, aim);
}

function digits(text: string, length: number, name: string): Fault[] {
  if (!/^\d+$/.test(text)) return [fault('BAD_CHARACTER', `${name} holds digits only.`)];
  if (text.length !== length) return [fault('BAD_LENGTH', `${name} has ${length} digits, not ${text.length}.`)];
  const expected = checkDigitOf(text.slice(0, -1));
  return text.endsWith(expected)
    ? []
    : [fault('BAD_CHECK_DIGIT', `The check digit is ${text.at(-1)}, but should be ${expected}.`)];
}

export interface CheckDigit {
  present: boolean;
  ok: boolean;
  expected: string;
  actual: string;
}

/** Of the symbologies that carry a GTIN. */
export function checkDigitIn(symbology: Symbology, text: string): CheckDigit | undefined {
  const length = digitLengths[symbology];
  if (length === undefined || !/^\d+$/.test(text) || text.length !== length) return undefined;
  const expected = checkDigitOf(text.slice(0, -1));
  const actual = text.at(-1)!;
  return { present: true, ok: expected === actual, expected, actual };
}

/** The one form in which EAN-8, EAN-13, UPC-A and ITF-14 of one article are equal. */
export function gtin14(symbology: Symbology, text: string): string | undefined {
  return checkDigitIn(symbology, text)?.ok ? text.padStart(14, '0') : undefined;
}
