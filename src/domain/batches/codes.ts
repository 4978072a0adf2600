/** The codes of a batch, and whether a label can carry codes: asked before the first is printed, not when half are. */
import { Invalid } from '../../base/errors.ts';
import type { CompiledLabel } from '../../render/labels.ts';
import * as barcodes from '../barcodes/service.ts';

export interface Numbers {
  prefix: string;
  start_sequence: number;
  end_sequence: number;
}

export function* codesOf({ prefix, start_sequence: first, end_sequence: last }: Numbers): Generator<string> {
  for (let number = first; number <= last; number += 1) yield `${prefix}${number}`;
}

/** Codes asked for in one statement, below every database's limit of parameters. */
const chunk = 500;

/** The codes in parts, each with the text of its placeholders: `?, ?, …`. */
export function* inChunks(codes: Iterable<string>): Generator<{ codes: string[]; marks: string }> {
  const all = [...codes];
  for (let from = 0; from < all.length; from += chunk) {
    const part = all.slice(from, from + chunk);
    yield { codes: part, marks: part.map(() => '?').join(', ') };
  }
}

/** As the renderer wants it: a GS1 symbol is drawn from its elements in brackets, however the code was written. */
export function symbolText(symbology: string, code: string): string {
  if (!symbology.startsWith('gs1')) return code;
  return barcodes.validate({ symbology, raw_value: code }).decoded.bracketed || code;
}

/** Bounds the memory of a walk over codes of a million shapes. */
const keptShapes = 1_000;

/**
 * Answers how many codes there are. Invalid on `field` for the first one that breaks the rules of the label's symbology
 * or has no room there, with the width it needs. Codes that differ only in which digit or letter stands where are as
 * wide, so one is drawn for all; an Aztec at the very edge of a size is the exception, and is refused when drawn.
 */
export async function checkPrintable(
  label: CompiledLabel,
  codes: Iterable<string> | AsyncIterable<string>,
  field = 'template',
): Promise<number> {
  const { checkFits } = await import('../../render/labels.ts');
  const fitting = new Set<string>();
  let count = 0;
  for await (const code of codes) {
    count += 1;
    checkRules(label, code, field);
    const shape = code.replace(/[0-9]/g, '0').replace(/[A-Z]/g, 'A').replace(/[a-z]/g, 'a');
    if (fitting.has(shape)) continue;
    naming(code, field, () => checkFits(label, { code: symbolText(label.symbology, code) }));
    if (fitting.size >= keptShapes) fitting.clear();
    fitting.add(shape);
  }
  return count;
}

/** bwip-js would add a missing check digit: the symbol would then say what nobody registered. */
function checkRules({ symbology }: CompiledLabel, code: string, field: string): void {
  const { valid, errors } = barcodes.validate({ symbology, raw_value: code });
  if (!valid) throw new Invalid({ [field]: [`${code} cannot be printed as ${symbology}: ${errors.join(' ')}`] });
}

/** The renderer knows a fault of `code`; here it is told which, on the field that its reader can change. */
function naming(code: string, field: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    const faults = error instanceof Invalid ? error.fields?.code : undefined;
    if (!Array.isArray(faults)) throw error;
    throw new Invalid({ [field]: faults.map((fault) => `${code}: ${fault}`) }, { cause: error });
  }
}
