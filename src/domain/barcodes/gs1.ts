/** GS1 element strings: with brackets, or with FNC1 as GS (0x1D). Split, and checked by the rules of their AIs. */
import { type Ai, aiAt, aiTable, matches, needsSeparator, type Part } from './ai.ts';
import { cset82 } from './check-digit.ts';
import { checks, type Fault } from './checks.ts';

export const gs = '\u001d';

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
  return { elements, faults: [...faults, ...elementFaults(elements, faults.length === 0)] };
}

/** Of each value, and of the AIs together unless some could not be read. */
export function elementFaults(elements: readonly Element[], complete = true): Fault[] {
  const found = elements.flatMap(({ ai, value }) => valueFaults(ai, value));
  return complete ? [...found, ...pairFaults(elements)] : found;
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

export function valueFaults(ai: Ai, value: string): Fault[] {
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

export const bracketed = (elements: readonly Element[]): string =>
  elements.map(({ ai, value }) => `(${ai.ai})${value}`).join('');

/** As a symbol carries it after its leading FNC1: GS after each value of variable length but the last. */
export const elementString = (elements: readonly Element[]): string =>
  elements
    .map(({ ai, value }, index) => ai.ai + value + (needsSeparator(ai.ai) && index < elements.length - 1 ? gs : ''))
    .join('');
