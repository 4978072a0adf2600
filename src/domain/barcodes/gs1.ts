/** GS1 element strings: with brackets, or with FNC1 as GS (0x1D). Split, checked, and each AI's value typed. */
import { type Ai, aiAt, aiTable, matches, needsSeparator, type Part } from './ai.ts';
import { cset82 } from './check-digit.ts';
import { checks, type Fault, yearOf } from './checks.ts';

export const gs = '\u001d';

export interface Segment {
  ai: string;
  title: string;
  value: string;
  /** `2027-01-31`, or without the day where the code has none; with time where it has one. */
  date?: string;
  /** A measure or amount with its decimal point in place. */
  decimal?: string;
  unit?: string;
  /** ISO 4217 numeric. */
  currency?: string;
  serial?: string;
}

export interface Element {
  ai: Ai;
  value: string;
}

export interface Reading {
  elements: Element[];
  faults: Fault[];
}

/** Never throws; what cannot be split is a fault, and what was split before it is kept. */
export function readElements(text: string): Reading {
  const { elements, faults } = text.startsWith('(') ? splitBracketed(text) : splitRaw(text);
  const found = elements.flatMap(({ ai, value }) => valueFaults(ai, value));
  return { elements, faults: [...faults, ...found, ...(faults.length === 0 ? pairFaults(elements) : [])] };
}

function splitBracketed(text: string): Reading {
  const reading: Reading = { elements: [], faults: [] };
  const shape = /\((\d{2,4})\)([^(]*(?:\((?!\d{2,4}\))[^(]*)*)/y;
  while (shape.lastIndex < text.length) {
    const at = shape.lastIndex;
    const match = shape.exec(text);
    if (!match) {
      reading.faults.push({
        code: 'GS1_BAD_BRACKETS',
        message: `No application identifier in brackets at position ${at + 1}.`,
      });
      break;
    }
    const ai = aiTable().get(match[1]!);
    if (ai) reading.elements.push({ ai, value: match[2]! });
    else reading.faults.push({ code: 'GS1_UNKNOWN_AI', message: `AI ${match[1]}: unknown application identifier.` });
  }
  return reading;
}

function splitRaw(text: string): Reading {
  const reading: Reading = { elements: [], faults: [] };
  let at = text.startsWith(gs) ? 1 : 0;
  while (at < text.length) {
    const ai = aiAt(text, at);
    if (!ai) {
      const shown = text.slice(at, at + 4).replaceAll(gs, '<GS>');
      reading.faults.push({ code: 'GS1_UNKNOWN_AI', message: `No application identifier begins with "${shown}".` });
      return reading;
    }
    const from = at + ai.ai.length;
    const separator = text.indexOf(gs, from);
    const end = separator < 0 ? text.length : separator;
    const to = needsSeparator(ai.ai) ? end : Math.min(from + ai.maxLength, end);
    reading.elements.push({ ai, value: text.slice(from, to) });
    at = text[to] === gs ? to + 1 : to;
  }
  if (reading.elements.length === 0)
    reading.faults.push({ code: 'GS1_EMPTY', message: 'The element string is empty.' });
  return reading;
}

function valueFaults(ai: Ai, value: string): Fault[] {
  const about = (code: string, message: string): Fault => ({ code, message: `AI ${ai.ai}: ${message}.` });
  if (value.length < ai.minLength)
    return [about('GS1_TOO_SHORT', `the value has ${value.length} characters, but needs ${ai.minLength}`)];
  if (value.length > ai.maxLength)
    return [about('GS1_TOO_LONG', `the value has ${value.length} characters, but may have ${ai.maxLength}`)];
  const faults: Fault[] = [];
  let at = 0;
  for (const part of ai.parts) {
    const piece = value.slice(at, at + part.max);
    if (piece === '' && part.optional) break;
    at += piece.length;
    const fault = pieceFault(part, piece);
    if (fault) faults.push(about(fault.code, fault.message));
  }
  return faults;
}

const sets: Record<Part['set'], { pattern: RegExp; message: string }> = {
  N: { pattern: /^[0-9]*$/, message: 'only digits are allowed' },
  X: {
    pattern: new RegExp(`^[${cset82.replace(/[\]\\^-]/g, '\\$&')}]*$`),
    message: 'it holds a character that is not in GS1 character set 82',
  },
  Y: { pattern: /^[#\-/0-9A-Z]*$/, message: 'it holds a character that is not in GS1 character set 39' },
  Z: { pattern: /^[A-Za-z0-9_-]*={0,2}$/, message: 'it is not file-safe base64' },
};

function pieceFault({ set, min, checks: names }: Part, piece: string): Fault | undefined {
  if (piece.length < min) return { code: 'GS1_TOO_SHORT', message: 'the value is too short' };
  const { pattern, message } = sets[set];
  if (!pattern.test(piece)) return { code: 'GS1_BAD_CHARACTER', message };
  for (const name of names) {
    const fault = checks[name]!(piece);
    if (fault) return fault;
  }
  return undefined;
}

/** What the AIs say of each other: repeats that differ, pairs that exclude each other, companions that are missing. */
function pairFaults(elements: readonly Element[]): Fault[] {
  const faults: Fault[] = [];
  const present = new Map<string, string>();
  for (const { ai, value } of elements) {
    const before = present.get(ai.ai);
    if (before !== undefined && before !== value)
      faults.push({ code: 'GS1_REPEATED_AI', message: `AI ${ai.ai}: given twice with different values.` });
    present.set(ai.ai, value);
  }
  const ais = [...present.keys()];
  for (const ai of new Set(elements.map((element) => element.ai))) {
    const excluded = ais.find((other) => other !== ai.ai && ai.excludes.some((pattern) => matches(other, pattern)));
    if (excluded)
      faults.push({ code: 'GS1_EXCLUSIVE_AIS', message: `AI ${ai.ai} may not stand beside AI ${excluded}.` });
    for (const group of ai.requires) {
      const met = group.some((together) => together.every((pattern) => ais.some((other) => matches(other, pattern))));
      const wanted = group.map((together) => together.join('+')).join(', ');
      if (!met) faults.push({ code: 'GS1_MISSING_AI', message: `AI ${ai.ai} needs ${wanted} beside it.` });
    }
  }
  return faults;
}

/** The element with what its value means. */
export function segmentOf({ ai, value }: Element): Segment {
  const segment: Segment = { ai: ai.ai, title: ai.title, value };
  const first = ai.parts[0]!.checks[0];
  if (first === 'yymmd0' || first === 'yymmdd') segment.date = dateOf(value);
  if (/^3[1-6]/.test(ai.ai))
    Object.assign(segment, { decimal: decimalOf(value, ai.ai), unit: /\(([^)]+)\)/.exec(ai.title)?.[1] ?? 'kg/m²' });
  if (/^39[05]|^392/.test(ai.ai)) segment.decimal = decimalOf(value, ai.ai);
  if (/^39[13]/.test(ai.ai))
    Object.assign(segment, { currency: value.slice(0, 3), decimal: decimalOf(value.slice(3), ai.ai) });
  if (['21', '250', '8011', '8019'].includes(ai.ai)) segment.serial = value;
  if (ai.ai === '8003' && value.length > 14) segment.serial = value.slice(14);
  if ((ai.ai === '253' || ai.ai === '255') && value.length > 13) segment.serial = value.slice(13);
  return segment;
}

function dateOf(value: string): string {
  const [month, day] = [value.slice(2, 4), value.slice(4, 6)];
  const date = `${yearOf(value.slice(0, 2))}-${month}${day === '00' ? '' : `-${day}`}`;
  const time = /^\d{6}(\d\d)(\d\d)?(\d\d)?$/.exec(value);
  return time ? `${date}T${time[1]}:${time[2] ?? '00'}${time[3] ? `:${time[3]}` : ''}` : date;
}

/** The last digit of such an AI says how many digits stand behind the point. */
function decimalOf(digits: string, ai: string): string {
  const places = Number(ai.at(-1));
  if (places === 0) return String(BigInt(/^\d+$/.test(digits) ? digits : '0'));
  const padded = digits.padStart(places + 1, '0');
  return `${padded.slice(0, -places).replace(/^0+(?=\d)/, '')}.${padded.slice(-places)}`;
}

export const bracketed = (elements: readonly Element[]): string =>
  elements.map(({ ai, value }) => `(${ai.ai})${value}`).join('');

/** As a symbol carries it after its leading FNC1: GS after each value of variable length but the last. */
export const elementString = (elements: readonly Element[]): string =>
  elements
    .map(({ ai, value }, index) => ai.ai + value + (needsSeparator(ai.ai) && index < elements.length - 1 ? gs : ''))
    .join('');
