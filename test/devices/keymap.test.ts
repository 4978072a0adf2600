import { describe, expect, it } from 'vitest';
import { Keymap, type LayoutName } from '../../src/devices/wedge/keymap.ts';
import { usKeyReports } from '../support/hid-reports.ts';

/** What presses of `[modifiers, key]`, each let go again, type. */
function typed(layout: LayoutName, ...presses: [modifiers: number, ...keys: number[]][]): string {
  const keymap = new Keymap(layout);
  return presses.map(([modifiers, ...keys]) => keymap.press(modifiers, keys) + keymap.press(0, [])).join('');
}

const shift = 0x02;
const altgr = 0x40;

describe('a keyboard', () => {
  it('types every printable ASCII character on a US layout', () => {
    const text = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join('');
    const keymap = new Keymap('us');
    const got = usKeyReports(text).map((report) => keymap.press(report[0]!, [...report.slice(2)].filter(Boolean)));
    expect(got.join('')).toBe(text);
  });

  it.each([
    ['de', 'z', [0, 0x1c]],
    ['de', 'y', [0, 0x1d]],
    ['de', '-', [0, 0x38]],
    ['de', '@', [altgr, 0x14]],
    ['de', '{', [altgr, 0x24]],
    ['de', '}', [altgr, 0x27]],
    ['de', '|', [altgr, 0x64]],
    ['de', '/', [shift, 0x24]],
    ['fr', '1', [shift, 0x1e]],
    ['fr', 'a', [0, 0x14]],
    ['fr', 'M', [shift, 0x33]],
    ['fr', '-', [0, 0x23]],
    ['fr', ']', [altgr, 0x2d]],
    ['fr', '\\', [altgr, 0x25]],
    ['fr', 'w', [0, 0x1d]],
    ['fr', 'q', [0, 0x04]],
    ['uk', '£', [shift, 0x20]],
    ['uk', '@', [shift, 0x34]],
  ] as [LayoutName, string, [number, number]][])('of the layout %s types %s', (layout, text, press) => {
    expect(typed(layout, press)).toBe(text);
  });

  it('puts a dead accent on the letter after it, and lets it stand before a blank', () => {
    expect(typed('de', [0, 0x2e], [0, 0x08], [0, 0x35], [0, 0x2c])).toBe('é^');
    expect(typed('fr', [0, 0x2f], [0, 0x08], [0, 0x2f], [0, 0x05])).toBe('ê^b');
  });

  it('takes Control and a key for the control character, and Alt with digits for a number', () => {
    expect(typed('us', [0x01, 0x30])).toBe('\u001d');
    const keymap = new Keymap('us');
    const alt = [0x62, 0x5a, 0x61].flatMap((key) => [keymap.press(0x04, [key]), keymap.press(0x04, [])]);
    expect(alt.join('') + keymap.press(0, [])).toBe('\u001d');
  });

  it('types a key that stays down once, and keys that overlap in order', () => {
    const keymap = new Keymap('us');
    const reports = [[4], [4, 5], [5], [5, 4], []];
    expect(reports.map((keys) => keymap.press(0, keys)).join('')).toBe('aba');
  });

  it('minds its own caps lock, for letters alone', () => {
    expect(typed('us', [0, 0x39], [0, 0x04], [0, 0x1e], [shift, 0x04], [0, 0x39], [0, 0x04])).toBe('A1aa');
  });
});
