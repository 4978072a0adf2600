/** What a scanned text is by the rules of its symbology, and under which texts the thing it names may be known here. */

import { agrees, readAim } from './aim.ts';
import { hasCheckDigit } from './check-digit.ts';
import type { Fault } from './checks.ts';
import { linkOf, looksLikeLink, readLink } from './digital-link.ts';
import { bracketed, type Element, elementFaults, elementString, gs, type Reading, readElements } from './gs1.ts';
import { type Segment, segmentOf } from './segment.ts';
import {
  type CheckDigit,
  carrierOf,
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
  const reading = readAim(raw_value);
  const { aim, text, symbology: told } = reading;
  const named = symbologyOf(name);
  const base = { raw: raw_value, decoded_at: new Date().toISOString(), ...(aim && { aim_id: aim }), value: text };
  if (!named) {
    const message = `Unknown symbology. Supported: ${symbologies.join(', ')}.`;
    return answer({ symbology: name, ...base }, [{ code: 'UNKNOWN_SYMBOLOGY', message }]);
  }
  const agreed = agrees(reading, named, carrierOf(name));
  const message = `The identifier ${aim} is not of the symbology ${name}.`;
  const clash = agreed ? [] : [{ code: 'AIM_MISMATCH', message }];
  const symbology = told && agreed && (named === 'unknown' || told === 'gs1') ? told : named;
  return symbology === 'gs1'
    ? gs1Answer(base, isGs1Linear(name), clash)
    : plainAnswer(symbology, base, plainUpc(symbology, told, text), clash);
}

type Base = Omit<Decoded, 'symbology'>;

/** A UPC-A is read by many scanners as the EAN-13 with a leading 0. */
const plainUpc = (symbology: Symbology, told: Symbology | undefined, text: string): string =>
  symbology === 'upca' && told === 'ean13' && /^0\d{12}$/.test(text) ? text.slice(1) : text;

function plainAnswer(symbology: Exclude<Symbology, 'gs1'>, base: Base, text: string, before: Fault[]): Validation {
  const gtin = gtin14(symbology, text);
  const checkDigit = checkDigitIn(symbology, text);
  const decoded = { symbology, ...base, ...(gtin && { gtin14: gtin }), ...(checkDigit && { check_digit: checkDigit }) };
  return answer(decoded, [...before, ...faultsOf(symbology, text, base.aim_id)]);
}

function gs1Answer(base: Base, linear: boolean, before: Fault[]): Validation {
  const { elements, faults } = readGs1(base.value);
  const text = elementString(elements);
  const gtin = elements.find(({ ai }) => ai.ai === '01')?.value ?? '';
  const checkDigit = checkDigitIn('itf14', gtin);
  // A value that breaks the rules may not even be text that an address can hold.
  const link = faults.length === 0 ? linkOf(elements) : undefined;
  const tooLong = `A GS1-128 holds at most ${gs1LinearLimit} characters, and this has ${text.length}.`;
  const decoded: Decoded = {
    symbology: 'gs1',
    ...base,
    ...(checkDigit?.ok && { gtin14: gtin }),
    ...(checkDigit && { check_digit: checkDigit }),
    segments: elements.map(segmentOf),
    element_string: text,
    bracketed: bracketed(elements),
    ...(link && { digital_link: link }),
  };
  const long = linear && text.length > gs1LinearLimit ? [{ code: 'TOO_LONG', message: tooLong }] : [];
  return answer(decoded, [...before, ...long, ...faults]);
}

/** No symbol holds more characters: the digits of the largest QR code (ISO/IEC 18004). */
const longestGs1 = 7_089;

function readGs1(text: string): Reading {
  if (text.length > longestGs1) {
    const message = `No symbol holds more than ${longestGs1} characters, and this has ${text.length}.`;
    return { elements: [], faults: [{ code: 'TOO_LONG', message }] };
  }
  if (!looksLikeLink(text)) return readElements(text);
  const link = readLink(text);
  if (!link)
    return {
      elements: [],
      faults: [{ code: 'GS1_NO_LINK', message: 'This address carries no application identifier.' }],
    };
  return { elements: link.elements, faults: [...link.faults, ...elementFaults(link.elements)] };
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
  /** Of a text that is a faultless GS1 string. */
  gs1?: { segments: Segment[] };
  /** Further texts under which an asset or a location may be known, likeliest first. */
  lookups: string[];
}

/** Never throws. Of GS1 strings: GIAI (8004), GRAI (8003), GTIN with serial (01+21), GTIN, and the GLN of a place (414, 254). */
export function candidates(raw: string): Candidates {
  const { text: read, symbology } = readAim(raw);
  const text = read.trim();
  if (/^\d{8}$|^\d{12,14}$/.test(text)) return { text, lookups: hasCheckDigit(text) ? articleForms(text) : [] };
  if (symbology !== 'gs1' && !looksLikeGs1(text)) return { text, lookups: [] };
  const { elements, faults } = readGs1(text);
  if (faults.length > 0) return { text, lookups: [] };
  return { text, gs1: { segments: elements.map(segmentOf) }, lookups: gs1Lookups(elements) };
}

const looksLikeGs1 = (text: string): boolean =>
  /^(\(|https?:|01\d{14}|414\d{13}|800[34])/i.test(text) || text.includes(gs);

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
