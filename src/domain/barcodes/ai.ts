/** The dictionary of application identifiers, read once into a table. */
import { dictionary } from './ai-dictionary.ts';

export { needsSeparator } from '../../render/gs1.ts';

export interface Part {
  /** Digits; CSET 82; CSET 39; file-safe base64. */
  set: 'N' | 'X' | 'Y' | 'Z';
  min: number;
  max: number;
  optional: boolean;
  checks: readonly string[];
}

export interface Ai {
  ai: string;
  title: string;
  parts: readonly Part[];
  /** AIs, or families such as `310n`, that may not stand beside it. */
  excludes: readonly string[];
  /** Each of these wants one of its alternatives; an alternative may be several AIs together. */
  requires: readonly (readonly (readonly string[])[])[];
  minLength: number;
  maxLength: number;
}

let table: ReadonlyMap<string, Ai> | undefined;

export function aiTable(): ReadonlyMap<string, Ai> {
  table ??= new Map(
    dictionary
      .trim()
      .split('\n')
      .flatMap(entries)
      .map((entry) => [entry.ai, entry]),
  );
  return table;
}

function entries(line: string): Ai[] {
  const [head, title] = line.split('  # ') as [string, string];
  const [range, ...words] = head.split(/\s+/) as [string, ...string[]];
  const [first, last = first] = range.split('-') as [string, string?];
  const parts = words.filter((word) => !word.includes('=')).map(partOf);
  const listed = (key: string) =>
    words.filter((word) => word.startsWith(`${key}=`)).map((word) => word.slice(key.length + 1).split(','));
  const shape = {
    title,
    parts,
    excludes: listed('ex').flat(),
    requires: listed('req').map((group) => group.map((alternative) => alternative.split('+'))),
    minLength: parts.reduce((sum, part) => sum + (part.optional ? 0 : part.min), 0),
    maxLength: parts.reduce((sum, part) => sum + part.max, 0),
  };
  return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => ({
    ai: String(Number(first) + index).padStart(first.length, '0'),
    ...shape,
  }));
}

function partOf(word: string): Part {
  const [format, ...checks] = word.replace(/^\[|\]$/g, '').split(',') as [string, ...string[]];
  const [min, max = min] = format.slice(1).split('..').map(Number) as [number, number?];
  return { set: format[0] as Part['set'], min, max, optional: word.startsWith('['), checks };
}

/** The identifier that a string begins with; undefined when it begins with none. */
export function aiAt(text: string, from: number): Ai | undefined {
  for (let length = 2; length <= 4; length += 1) {
    const found = aiTable().get(text.slice(from, from + length));
    if (found && found.ai.length === length) return found;
  }
  return undefined;
}

/** Whether an AI is of a family such as `310n` or `31nn`, or is that AI. */
export const matches = (ai: string, pattern: string): boolean =>
  ai.length === pattern.length && [...pattern].every((letter, index) => letter === 'n' || letter === ai[index]);
