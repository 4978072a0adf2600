/** Keys of a keyboard (USB HID usage page 7) -> characters, by the layout that a scanner is set to type on. */

/** Plain, with Shift, with AltGr, with both. A dead key waits for the next: its accent is written after the letter. */
type Key = readonly [plain: string, shift?: string, altgr?: string, both?: string];
type Layout = Record<number, Key>;

export const layoutNames = ['us', 'uk', 'de', 'fr'] as const;
export type LayoutName = (typeof layoutNames)[number];

const firstLetter = 0x04;
const letters = (order: string): Layout =>
  Object.fromEntries([...order].map((letter, index) => [firstLetter + index, [letter, letter.toUpperCase()]]));

/** 1 to 9, then 0. */
const digits = (plain: string, shift: string, altgr: readonly string[] = []): Layout =>
  Object.fromEntries([...plain].map((one, index) => [0x1e + index, [one, shift[index], altgr[index]]]));

/** Keys whose place differs are overridden; these are alike everywhere. */
const common: Layout = {
  40: ['\r', '\r'],
  43: ['\t', '\t'],
  44: [' ', ' '],
  84: ['/'],
  85: ['*'],
  86: ['-'],
  87: ['+'],
  88: ['\r'],
  ...Object.fromEntries([...'1234567890'].map((digit, index) => [0x59 + index, [digit]])),
};

const us: Layout = {
  ...common,
  ...letters('abcdefghijklmnopqrstuvwxyz'),
  ...digits('1234567890', '!@#$%^&*()'),
  45: ['-', '_'],
  46: ['=', '+'],
  47: ['[', '{'],
  48: [']', '}'],
  49: ['\\', '|'],
  50: ['\\', '|'],
  51: [';', ':'],
  52: ["'", '"'],
  53: ['`', '~'],
  54: [',', '<'],
  55: ['.', '>'],
  56: ['/', '?'],
  99: ['.'],
  100: ['\\', '|'],
};

const uk: Layout = {
  ...us,
  31: ['2', '"'],
  32: ['3', '£'],
  33: ['4', '$', '€'],
  49: ['#', '~'],
  50: ['#', '~'],
  52: ["'", '@'],
  53: ['`', '¬', '¦'],
};

/** As Unicode has accents: after the letter. */
const accents: Record<string, string> = { '´': '\u0301', '`': '\u0300', '^': '\u0302', '¨': '\u0308' };
const dead = (accent: string): string => `dead${accent}`;

const de: Layout = {
  ...common,
  ...letters('abcdefghijklmnopqrstuvwxzy'),
  ...digits('1234567890', '!"§$%&/()=', ['', '²', '³', '', '', '', '{', '[', ']', '}']),
  8: ['e', 'E', '€'],
  16: ['m', 'M', 'µ'],
  20: ['q', 'Q', '@'],
  45: ['ß', '?', '\\', 'ẞ'],
  46: [dead('´'), dead('`')],
  47: ['ü', 'Ü'],
  48: ['+', '*', '~'],
  49: ['#', "'"],
  50: ['#', "'"],
  51: ['ö', 'Ö'],
  52: ['ä', 'Ä'],
  53: [dead('^'), '°'],
  54: [',', ';'],
  55: ['.', ':'],
  56: ['-', '_'],
  99: [','],
  100: ['<', '>', '|'],
};

const fr: Layout = {
  ...common,
  ...letters('qbcdefghijkl,noparstuvzxyw'),
  ...digits('&é"\'(-è_çà', '1234567890', ['', dead('~'), '#', '{', '[', '|', dead('`'), '\\', '^', '@']),
  8: ['e', 'E', '€'],
  16: [',', '?'],
  45: [')', '°', ']'],
  46: ['=', '+', '}'],
  47: [dead('^'), dead('¨')],
  48: ['$', '£', '¤'],
  49: ['*', 'µ'],
  50: ['*', 'µ'],
  51: ['m', 'M'],
  52: ['ù', '%'],
  53: ['²'],
  54: [';', '.'],
  55: [':', '/'],
  56: ['!', '§'],
  99: ['.'],
  100: ['<', '>'],
};
accents['~'] = '\u0303';

const layouts: Record<LayoutName, Layout> = { us, uk, de, fr };

const modifier = { control: 0x11, shift: 0x22, alt: 0x04, altgr: 0x40 };
const capsLock = 0x39;
const keypad = { first: 0x59, zero: 0x62 };
const deadPrefix = 'dead';

export class Keymap {
  readonly #layout: Layout;
  #down = new Set<number>();
  #caps = false;
  #accent = '';
  /** Digits typed on the keypad while Alt is down: a character by its number, as scanners send what no layout has. */
  #number = '';

  constructor(layout: LayoutName) {
    this.#layout = layouts[layout];
  }

  /** What the keys that have newly gone down type. `modifiers`: bit 0 left Control … bit 7 right GUI. */
  press(modifiers: number, keys: readonly number[]): string {
    const isAlt = (modifiers & modifier.alt) !== 0;
    let text = isAlt ? '' : this.#numbered();
    for (const key of keys) {
      if (key < firstLetter || this.#down.has(key)) continue;
      if (key === capsLock) this.#caps = !this.#caps;
      else if (isAlt && key >= keypad.first && key <= keypad.zero)
        this.#number += String((key - keypad.first + 1) % 10);
      else text += this.#accented(this.#character(modifiers, key));
    }
    this.#down = new Set(keys);
    return text;
  }

  reset(): void {
    this.#down.clear();
    this.#caps = false;
    this.#accent = this.#number = '';
  }

  #character(modifiers: number, key: number): string {
    const found = this.#layout[key];
    if (!found) return '';
    const isLetter = /^\p{L}$/u.test(found[0]) && found[0].toUpperCase() === found[1];
    const isShift = ((modifiers & modifier.shift) !== 0) !== (this.#caps && isLetter);
    const isAltgr = (modifiers & modifier.altgr) !== 0;
    const text = found[(isAltgr ? 2 : 0) + (isShift ? 1 : 0)] ?? '';
    // Control and ] is GS, as on a terminal.
    if ((modifiers & modifier.control) === 0 || isAltgr) return text;
    return /^[@-_a-z]$/.test(text) ? String.fromCharCode(text.toUpperCase().charCodeAt(0) & 0x1f) : '';
  }

  #accented(text: string): string {
    if (text.startsWith(deadPrefix)) {
      const waiting = this.#accent;
      this.#accent = text.slice(deadPrefix.length);
      return waiting;
    }
    if (text === '' || this.#accent === '') return text;
    const accent = this.#accent;
    this.#accent = '';
    if (text === ' ') return accent;
    const composed = (text + accents[accent]!).normalize('NFC');
    return composed.length === 1 ? composed : accent + text;
  }

  #numbered(): string {
    const number = this.#number;
    this.#number = '';
    return number === '' ? '' : String.fromCharCode(Number(number) & 0xff);
  }
}
