import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/paths.ts';

const { createWedge } = await import(pathToFileURL(join(packageRoot, 'templates/kiosk/wedge.js')).href);

interface Key {
  key: string;
  code?: string;
  ctrlKey?: boolean;
  altKey?: boolean;
  repeat?: boolean;
  altGraph?: boolean;
}

/** A clock that the keys move, with the timers that are due on the way. */
class Keyboard {
  now = 0;
  scans: [string, boolean][] = [];
  garbled: string[] = [];
  typing = '';
  #timers = new Map<number, { at: number; work: () => void }>();
  #count = 0;
  readonly #wedge = createWedge(
    {
      scan: (text: string, typed: boolean) => this.scans.push([text, typed]),
      garbled: (text: string) => this.garbled.push(text),
      typing: (text: string) => {
        this.typing = text;
      },
    },
    {
      setTimeout: (work: () => void, ms: number) => {
        this.#timers.set(++this.#count, { at: this.now + ms, work });
        return this.#count;
      },
      clearTimeout: (id: number) => this.#timers.delete(id),
    },
  );

  pass(ms: number): this {
    this.now += ms;
    for (const [id, { at, work }] of [...this.#timers]) if (at <= this.now && this.#timers.delete(id)) work();
    return this;
  }

  /** Whether the key was taken. */
  press(key: Key | string): boolean {
    const pressed = typeof key === 'string' ? { key } : key;
    const getModifierState = (name: string) => name === 'AltGraph' && Boolean(pressed.altGraph);
    return this.#wedge.key({ timeStamp: this.now, getModifierState, ...pressed });
  }

  release(key: string): this {
    this.#wedge.up({ key, timeStamp: this.now });
    return this;
  }

  type(keys: (Key | string)[] | string, gap: number, end?: string): this {
    for (const key of [...keys, ...(end ? [end] : [])]) {
      this.pass(gap);
      this.press(key);
    }
    return this;
  }
}

let board: Keyboard;
beforeEach(() => {
  board = new Keyboard();
});

describe('what a scanner types', () => {
  it.each(['Enter', 'Tab'])('is a scan at %s', (end) => {
    board.type('ABC-123', 4, end);
    expect(board.scans).toEqual([['ABC-123', false]]);
  });

  it('is kept apart however fast the next follows', () => {
    for (let n = 0; n < 100; n += 1) board.type(`CODE-${n}`, 0.2, 'Enter');
    expect(board.scans).toEqual(Array.from({ length: 100 }, (_, n) => [`CODE-${n}`, false]));
  });

  it('ends by itself when no Enter comes, and with the first key of the next', () => {
    board.type('4006381333931', 8);
    board.pass(301);
    expect(board.scans).toEqual([]);
    board.pass(1_700);
    expect(board.scans).toEqual([['4006381333931', false]]);
    // It is known now to send no Enter.
    board.type('NEXT', 5).pass(301);
    expect(board.scans.splice(1)).toEqual([['NEXT', false]]);
    board.type('SECOND', 5);
    // The page was busy: keys are told late, their times are right.
    board.now += 400;
    board.type('THIRD', 5, 'Enter');
    expect(board.scans.slice(1)).toEqual([
      ['SECOND', false],
      ['THIRD', false],
    ]);
  });

  it('is not cut in two where keys are told late, unless the scanner is known to send no Enter', () => {
    board.type('FI', 4).pass(900);
    board.now -= 900;
    board.type('RST', 4, 'Enter');
    board.type('SEC', 4).pass(900);
    // Their times are those of the keyboard: the page was busy.
    board.now -= 900;
    board.type('OND', 4, 'Enter');
    expect(board.scans.map(([text]) => text)).toEqual(['FIRST', 'SECOND']);
    board.pass(1_000).type('NO-ENTER', 4).pass(2_001);
    expect(board.scans[2]).toEqual(['NO-ENTER', false]);
  });

  it('may be numbers typed while Alt is held, as a scanner types what no key has', () => {
    for (const key of 'A1') board.press(key);
    for (const digit of '0029') board.press({ key: digit, code: `Numpad${digit}`, altKey: true });
    board.release('Alt').type('B', 3, 'Enter');
    expect(board.scans).toEqual([['A1\x1dB', false]]);
    board.type('AB', 3);
    for (const digit of '0228') board.press({ key: digit, code: `Numpad${digit}`, altKey: true });
    board.release('Alt').type('C', 3, 'Enter');
    expect([board.scans.length, board.garbled]).toEqual([1, ['AB\ufffdC']]);
  });

  it('takes CR LF as one end, and swallows the second half', () => {
    board.type('ABC', 3, 'Enter');
    board.pass(3);
    expect(board.press('Enter')).toBe(true);
    board.type('DEF', 3).pass(2);
    expect([board.press({ key: 'j', ctrlKey: true }), board.scans.length]).toEqual([true, 2]);
    board.pass(1_000);
    expect(board.press('Enter')).toBe(false);
  });

  it('hesitates on a radio and stays one scan', () => {
    board.type('AB', 12).pass(180);
    board.type('CDEFGH', 12, 'Enter');
    expect(board.scans).toEqual([['ABCDEFGH', false]]);
  });

  it('keeps a group separator, as ctrl+] or F8, and what AltGr makes', () => {
    const code = [
      '0',
      '1',
      { key: ']', ctrlKey: true },
      '2',
      'F8',
      { key: '@', ctrlKey: true, altKey: true, altGraph: true },
    ];
    board.type(['Shift', ...code, 'Control'], 3, 'Enter');
    expect(board.scans).toEqual([['01\x1d2\x1d@', false]]);
  });

  it('is not mixed with a key that somebody touched before', () => {
    board.type('x', 1).pass(400);
    board.type('ABC-1', 5, 'Enter');
    expect(board.scans).toEqual([['ABC-1', false]]);
  });

  it('is told when the layout cannot make a character, instead of a code that lacks it', () => {
    board.type(['A', 'Dead', 'B'], 4, 'Enter');
    expect([board.scans, board.garbled]).toEqual([[], ['A\ufffdB']]);
  });
});

describe('what a person types', () => {
  it('is no scan by pausing, however long it is', () => {
    board.type('quickly-typed-text', 110).pass(400);
    expect(board.typing).toBe('quickly-typed-text');
    board.pass(2_000).pass(2_000);
    expect([board.scans, board.typing]).toEqual([[], '']);
    expect(board.press('Enter')).toBe(false);
  });

  it('is no scan by holding a key', () => {
    for (let n = 0; n < 30; n += 1) {
      board.pass(30);
      board.press({ key: 'a', repeat: n > 0 });
    }
    board.pass(1_000);
    expect(board.scans).toEqual([]);
  });

  it('is taken with Enter, marked as typed, shown meanwhile, and can be mended', () => {
    board.type('A-7x', 200);
    expect(board.typing).toBe('A-7x');
    board.type(['Backspace', '3'], 200, 'Enter');
    expect([board.scans, board.typing]).toEqual([[['A-73', true]], '']);
  });

  it('leaves Tab and commands to the browser', () => {
    board.type('ab', 150).pass(150);
    expect(board.press('Tab')).toBe(false);
    expect(board.press({ key: 'r', ctrlKey: true })).toBe(false);
    expect(board.press('F5')).toBe(false);
    board.pass(5_000);
    expect(board.scans).toEqual([]);
  });
});
