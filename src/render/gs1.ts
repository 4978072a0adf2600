/** What a printer must know of GS1: where a value of variable length ends. */

/** AIs of predefined length, by first two digits (GS1 General Specifications, figure 7.8.5-2). */
const predefined = new Set('00 01 02 03 04 11 12 13 14 15 16 17 18 19 20 31 32 33 34 35 36 41'.split(' '));

/** Whether a separator (FNC1) must stand between this AI's value and the next AI. */
export const needsSeparator = (ai: string): boolean => !predefined.has(ai.slice(0, 2));

/** `(01)…(10)…` -> its elements; undefined when it is no such text. */
export function elementsOf(bracketed: string): { ai: string; value: string }[] | undefined {
  const elements = [...bracketed.matchAll(/\((\d{2,4})\)((?:(?!\(\d{2,4}\)).)+)/gs)].map(([, ai, value]) => ({
    ai: ai!,
    value: value!,
  }));
  const complete = elements.map(({ ai, value }) => `(${ai})${value}`).join('') === bracketed;
  return complete && elements.length > 0 ? elements : undefined;
}

/** The elements joined as a symbol carries them, with `separator` where one is needed. */
export const joined = (
  elements: readonly { ai: string; value: string }[],
  separator: string,
  bracket = false,
): string =>
  elements
    .map(({ ai, value }, index) => {
      const after = index < elements.length - 1 && needsSeparator(ai) ? separator : '';
      return `${bracket ? `(${ai})` : ai}${value}${after}`;
    })
    .join('');
