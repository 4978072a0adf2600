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
  [/^\]E[0-3]/, 'ean13'],
  [/^\]A[0-9]/, 'code39'],
  [/^\]I[0-9]/, 'itf14'],
  [/^\]d[0-9]/, 'datamatrix'],
  [/^\]Q[0-9]/, 'qr'],
  [/^\]L[0-9]/, 'pdf417'],
  [/^\]z[0-9A-F]/, 'aztec'],
];

/** Splits the identifier off. One of a symbology that is not known here is split off all the same. */
export function readAim(raw: string): AimReading {
  const aim = /^\][A-Za-z][0-9A-Za-z]/.exec(raw)?.[0];
  if (!aim) return { text: raw };
  const symbology = identifiers.find(([pattern]) => pattern.test(aim))?.[1];
  return { aim, text: raw.slice(3), ...(symbology && { symbology }) };
}
