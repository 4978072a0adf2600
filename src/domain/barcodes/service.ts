/** What a scanned text is by the rules of its symbology, and under which texts the thing it names may be known here. */

import { readAim } from './aim.ts';
import type { Fault } from './checks.ts';
import { linkOf, looksLikeLink, readLink } from './digital-link.ts';
import {
  bracketed,
  type Element,
  elementString,
  gs,
  type Reading,
  readElements,
  type Segment,
  segmentOf,
} from './gs1.ts';
import {
  type CheckDigit,
  checkDigitIn,
  faultsOf,
  gs1LinearLimit,
  gtin14,
  isGs1Linear,
  type Symbology,
  symbologies,
  symbologyOf,
} from './symbology.ts';

export { decodeImage } from './image.ts';

export interface Decoded {
  symbology: string;
  raw: string;
  /** RFC 3339 UTC. */
  decoded_at: string;
  aim_id?: string;
  /** Without the AIM identifier. */
  value: string;
  gtin14?: string;
  check_digit?: CheckDigit;
  segments?: Segment[];
  element_string?: string;
  bracketed?: string;
  digital_link?: string;
}

export interface Validation {
  valid: boolean;
  errors: string[];
  /** One for each error; they do not change between versions. */
  error_codes: string[];
  decoded: Decoded;
}

/** Never throws. Without a symbology, the AIM identifier says which it is; without that it is `unknown`, which is valid. */
export function validate({
  symbology: name = 'unknown',
  raw_value,
}: {
  symbology?: string;
  raw_value: string;
}): Validation {
  const { aim, text, symbology: told } = readAim(raw_value);
  const named = symbologyOf(name);
  const symbology = named === 'unknown' ? (told ?? named) : named;
  const base = { raw: raw_value, decoded_at: new Date().toISOString(), ...(aim && { aim_id: aim }), value: text };
  if (!symbology) {
    const message = `Unknown symbology. Supported: ${symbologies.join(', ')}.`;
    return answer({ symbology: name, ...base }, [{ code: 'UNKNOWN_SYMBOLOGY', message }]);
  }
  const clash = contradiction(named, told, aim);
  if (symbology !== 'gs1') {
    const gtin = gtin14(symbology, text);
    const checkDigit = checkDigitIn(symbology, text);
    const decoded = {
      symbology,
      ...base,
      ...(gtin && { gtin14: gtin }),
      ...(checkDigit && { check_digit: checkDigit }),
    };
    return answer(decoded, [...clash, ...faultsOf(symbology, plainUpc(symbology, told, text))]);
  }
  return gs1Answer(base, text, [...clash, ...lengthFaults(name, text)]);
}

/** A UPC-A is read by many scanners as the EAN-13 with a leading 0. */
const plainUpc = (symbology: Symbology, told: Symbology | undefined, text: string): string =>
  symbology === 'upca' && told === 'ean13' && /^0\d{12}$/.test(text) ? text.slice(1) : text;

function contradiction(named: Symbology | undefined, told: Symbology | undefined, aim: string | undefined): Fault[] {
  if (!named || !told || named === told || named === 'unknown') return [];
  const related = [
    ['ean13', 'upca'],
    ['upca', 'ean13'],
    // A GS1 symbol whose scanner is not set to tell FNC1 is announced as the plain symbol that carries it.
    ['gs1', 'code128'],
    ['gs1', 'qr'],
    ['gs1', 'datamatrix'],
  ];
  if (related.some(([one, two]) => named === one && told === two)) return [];
  return [{ code: 'AIM_MISMATCH', message: `The identifier ${aim} is of ${told}, not of ${named}.` }];
}

function lengthFaults(name: string, text: string): Fault[] {
  if (!isGs1Linear(name)) return [];
  const length = text.replace(/[()]/g, '').length;
  return length <= gs1LinearLimit
    ? []
    : [{ code: 'TOO_LONG', message: `A GS1-128 holds at most ${gs1LinearLimit} characters.` }];
}

function gs1Answer(base: Omit<Decoded, 'symbology'>, text: string, before: Fault[]): Validation {
  const { elements, faults } = readGs1(text);
  const gtin = elements.find(({ ai }) => ai.ai === '01')?.value;
  const link = linkOf(elements);
  const decoded: Decoded = {
    symbology: 'gs1',
    ...base,
    ...(gtin && /^\d{14}$/.test(gtin) && { gtin14: gtin }),
    segments: elements.map(segmentOf),
    element_string: elementString(elements),
    bracketed: bracketed(elements),
    ...(link && { digital_link: link }),
  };
  return answer(decoded, [...before, ...faults]);
}

function readGs1(text: string): Reading {
  if (!looksLikeLink(text)) return readElements(text);
  const link = readLink(text);
  if (!link)
    return {
      elements: [],
      faults: [{ code: 'GS1_NO_LINK', message: 'This address carries no application identifier.' }],
    };
  // Read again as an element string, so that a link is held to the same rules.
  const { faults } = readElements(bracketed(link.elements));
  return { elements: link.elements, faults: [...link.faults, ...faults] };
}

const answer = (decoded: Decoded, faults: readonly Fault[]): Validation => ({
  valid: faults.length === 0,
  errors: faults.map(({ message }) => message),
  error_codes: faults.map(({ code }) => code),
  decoded,
});

export interface Candidates {
  /** The scanned text without AIM identifier and blanks around it. */
  text: string;
  /** Further texts under which an asset or a location may be known, likeliest first. */
  lookups: string[];
}

/** Never throws. Of GS1 strings: GIAI (8004), GRAI (8003), GTIN with serial (01+21), GTIN, and the GLN of a place (414, 254). */
export function candidates(raw: string): Candidates {
  const { text: read, symbology } = readAim(raw);
  const text = read.trim();
  if (/^\d{8}$|^\d{12,14}$/.test(text)) return { text, lookups: articleForms(text) };
  if (
    !(
      symbology === 'gs1' ||
      text.startsWith('(') ||
      text.includes(gs) ||
      looksLikeLink(text) ||
      /^(01\d{14}|800[34])/.test(text)
    )
  )
    return { text, lookups: [] };
  const { elements, faults } = readGs1(text);
  return { text, lookups: faults.length > 0 ? [] : gs1Lookups(elements) };
}

function gs1Lookups(elements: readonly Element[]): string[] {
  const value = (wanted: string) => elements.find(({ ai }) => ai.ai === wanted)?.value;
  const [giai, grai, gtin, serial, place, part] = ['8004', '8003', '01', '21', '414', '254'].map(value);
  const found = [
    giai && [giai, `(8004)${giai}`],
    grai && [grai.slice(1), grai, `(8003)${grai}`],
    gtin && serial && [`(01)${gtin}(21)${serial}`, `01${gtin}21${serial}`],
    place && part && [`(414)${place}(254)${part}`, `${place}-${part}`],
    place && [place, `(414)${place}`],
    // With a serial it is one piece, and another piece of the article is another asset.
    gtin && !serial && [gtin, ...articleForms(gtin)],
    [bracketed(elements), elementString(elements)],
  ];
  return [...new Set(found.flatMap((texts) => texts || []))];
}

/** The GTIN in each length it can be written in. */
function articleForms(digits: string): string[] {
  const gtin = digits.padStart(14, '0');
  const forms = [
    gtin,
    ...[13, 12, 8].filter((length) => /^0*$/.test(gtin.slice(0, 14 - length))).map((length) => gtin.slice(14 - length)),
  ];
  return forms.filter((form) => form !== digits);
}
