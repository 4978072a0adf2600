/** Noto Sans, its Arabic and its Chinese: open fonts from installed packages, read when a label needs them. */
import { createRequire } from 'node:module';
import * as fontkit from 'fontkit';

export type FontName = 'latin' | 'arabic' | 'chinese';

const require = createRequire(import.meta.url);
const files: Record<FontName, string> = {
  latin: '@expo-google-fonts/noto-sans/400Regular/NotoSans_400Regular.ttf',
  arabic: '@expo-google-fonts/noto-sans-arabic/400Regular/NotoSansArabic_400Regular.ttf',
  chinese: '@expo-google-fonts/noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf',
};
const opened = new Map<FontName, fontkit.Font>();

export const fontFile = (name: FontName): string => require.resolve(files[name]);

export function font(name: FontName): fontkit.Font {
  const known = opened.get(name);
  if (known) return known;
  const read = fontkit.openSync(fontFile(name)) as fontkit.Font;
  opened.set(name, read);
  return read;
}

/** A stretch of text that one font sets. */
export interface Run {
  font: FontName;
  text: string;
}

const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;
const plain = /^[\u0020-\u007e\u00a0-\u00ff]*$/;

/** The runs in the order they are drawn, left to right. A text whose first letter reads right to left is drawn from its end. */
export function runsOf(text: string): Run[] {
  if (plain.test(text)) return text === '' ? [] : [{ font: 'latin', text }];
  const runs: Run[] = [];
  for (const character of text) {
    const last = runs.at(-1);
    const name = fontOf(character, last?.font);
    if (last?.font === name) last.text += character;
    else runs.push({ font: name, text: character });
  }
  const firstLetter = /\p{L}/u.exec(text)?.[0] ?? '';
  const ordered = rightToLeft.test(firstLetter) ? runs.reverse() : runs;
  return ordered.flatMap((run) => (run.font === 'arabic' ? wordsFromTheRight(run) : [run]));
}

/** One word a run: a font shapes a word right to left by itself, but pdfkit sets words one after the other. */
const wordsFromTheRight = ({ font, text }: Run): Run[] =>
  (text.match(/\s+|\S+/g) ?? []).reverse().map((word) => ({ font, text: word }));

/** Blanks and marks stay with what stands before them. */
function fontOf(character: string, before: FontName | undefined): FontName {
  if (before && /[\s\p{M}\u200c\u200d]/u.test(character)) return before;
  if (rightToLeft.test(character)) return 'arabic';
  const code = character.codePointAt(0)!;
  if (font('latin').hasGlyphForCodePoint(code)) return 'latin';
  return font('chinese').hasGlyphForCodePoint(code) ? 'chinese' : 'latin';
}

const advances = new Map<string, number>();

/** Width in the unit of `size`; never less than what is drawn. */
export function widthOf(text: string, size: number): number {
  if (plain.test(text)) return plainWidth(text) * size;
  const widths = runsOf(text).map((run) => font(run.font).layout(run.text).advanceWidth / font(run.font).unitsPerEm);
  return widths.reduce((sum, width) => sum + width, 0) * size;
}

/** Letter by letter, as most labels are measured thousands of times; kerning only narrows. */
function plainWidth(text: string): number {
  let width = 0;
  for (const letter of text) {
    let advance = advances.get(letter);
    if (advance === undefined) {
      const face = font('latin');
      advance = face.glyphForCodePoint(letter.codePointAt(0)!).advanceWidth / face.unitsPerEm;
      advances.set(letter, advance);
    }
    width += advance;
  }
  return width;
}

export interface SetText {
  text: string;
  size: number;
  width: number;
}

/** How far a text may shrink before it loses its end. */
const leastScale = 0.6;

/** The text at the size at which it fits into the width; shortened with an ellipsis when even the smallest does not. */
export function setText(text: string, size: number, room: number): SetText {
  const width = widthOf(text, size);
  if (width <= room) return { text, size, width };
  const scale = Math.max(leastScale, room / width);
  if (width * scale <= room + 1e-6) return { text, size: size * scale, width: width * scale };
  const smallest = size * leastScale;
  const letters = [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);
  let [fits, tooLong] = [0, letters.length];
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (widthOf(`${letters.slice(0, middle).join('').trimEnd()}…`, smallest) <= room) fits = middle;
    else tooLong = middle;
  }
  const cut = `${letters.slice(0, fits).join('').trimEnd()}…`;
  return { text: cut, size: smallest, width: widthOf(cut, smallest) };
}

/** The text's outline as SVG path data, its baseline starting at x, y. */
export function outlineOf(text: string, size: number, x: number, y: number): string {
  let at = x;
  const parts: string[] = [];
  for (const run of runsOf(text)) {
    const face = font(run.font);
    const scale = size / face.unitsPerEm;
    const { glyphs, positions } = face.layout(run.text);
    for (const [index, glyph] of glyphs.entries()) {
      const { xOffset, yOffset, xAdvance } = positions[index]!;
      parts.push(placed(glyph.path, scale, at + xOffset * scale, y - yOffset * scale));
      at += xAdvance * scale;
    }
  }
  return parts.join('');
}

const letters: Record<string, string> = {
  moveTo: 'M',
  lineTo: 'L',
  quadraticCurveTo: 'Q',
  bezierCurveTo: 'C',
  closePath: 'Z',
};

/** Fonts count upwards, pictures downwards. */
function placed(path: fontkit.Glyph['path'], scale: number, x: number, y: number): string {
  const commands = (path as unknown as { commands: { command: string; args: number[] }[] }).commands;
  return commands
    .map(
      ({ command, args }) =>
        letters[command] +
        args.map((value, index) => (index % 2 ? y - value * scale : x + value * scale).toFixed(2)).join(' '),
    )
    .join('');
}
