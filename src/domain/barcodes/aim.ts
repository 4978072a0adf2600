/** AIM symbology identifiers (ISO/IEC 15424): what a scanner puts before the text to say which symbol it read. */
import type { Symbology } from './symbology.ts';

export interface AimReading {
  /** Such as `]C1`; undefined when there is none. */
  aim?: string;
  symbology?: Symbology;
  text: string;
}

const identifiers: readonly [RegExp, Symbology][] = [
  [/^\](C1|d2|Q3|e0|J1)/, 'gs1'],
  [/^\]C[0-9]/, 'code128'],
  [/^\]E4/, 'ean8'],
  // E1 to E3 carry an add-on, whose digits are no part of the article number.
  [/^\]E0/, 'ean13'],
  [/^\]A[0-9]/, 'code39'],
  // Interleaved 2 of 5 of any other length is no ITF-14.
  [/^\]I[0-9]\d{14}$/, 'itf14'],
  [/^\]d[0-9]/, 'datamatrix'],
  [/^\]Q[0-9]/, 'qr'],
  [/^\]L[0-9]/, 'pdf417'],
  [/^\]z[0-9A-F]/, 'aztec'],
];

/** Splits the identifier off. One of a symbology that is not known here is split off all the same. */
export function readAim(raw: string): AimReading {
  const aim = /^\][A-Za-z][0-9A-Za-z]/.exec(raw)?.[0];
  if (!aim) return { text: raw };
  const symbology = identifiers.find(([pattern]) => pattern.test(raw))?.[1];
  return { aim, text: raw.slice(3), ...(symbology && { symbology }) };
}

/** The plain symbols that may carry GS1 element strings, by the code letter of their identifiers. */
const carriers: Readonly<Record<string, Symbology>> = { C: 'code128', d: 'datamatrix', Q: 'qr' };

/**
 * Whether the symbol that was read may be the one that was named. A GS1 symbol may be named as the plain one that carries
 * it, and is announced as that by a scanner that is not set to tell FNC1; a UPC-A is announced as EAN-13.
 */
export function agrees({ aim, symbology: told }: AimReading, named: Symbology, carrier?: string): boolean {
  if (!aim || !told || named === 'unknown') return true;
  if (carrier) return aim[1] === carrier;
  if (named === told || (named === 'upca' && told === 'ean13')) return true;
  const plain = carriers[aim[1]!];
  return (named === 'gs1' && told === plain) || (told === 'gs1' && named === plain);
}
