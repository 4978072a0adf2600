import { describe, expect, it } from 'vitest';
import { fits, found } from '../../src/base/pattern.ts';

/** Tries every way to cut the letters into runs before it finds the other half of the pattern right. */
const slow = '^(?:(?:a+)+b|a+!)$';
const text = (letters: number): string => `${'a'.repeat(letters)}!`;

const msOf = (work: () => void): number => {
  const began = performance.now();
  work();
  return performance.now() - began;
};

/** So many letters that the pattern takes longer than a first try has, and well within a second one. */
function lettersTaking(least: number): number {
  let letters = 12;
  while (msOf(() => new RegExp(slow, 'u').test(text(letters))) < least) letters += 1;
  return letters;
}

describe('a pattern', () => {
  it('that needs longer than usual is asked once more before it counts as not found', () => {
    const value = text(lettersTaking(30));
    expect([found(slow, value), fits(slow, value)]).toEqual([true, true]);
  });

  it('that never ends is ended, and many of them have less and less time', () => {
    const spent = msOf(() => {
      for (let n = 0; n < 60; n += 1) expect(found('^(a+)+$', text(60))).toBe(false);
    });
    expect(spent).toBeLessThan(6_000);
  });
});
