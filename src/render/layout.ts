/** A label in millimetres: where the symbol, the texts and the lines stand. ZPL, PDF and PNG are drawn from it alike. */
import { z } from 'zod';

const mm = z.number().min(0).max(1_000);
const box = { x: mm, y: mm, width: mm.positive(), height: mm.positive() };
const align = z.enum(['left', 'center', 'right']).default('left');

export const elementSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('symbol'), ...box, align: align.default('center') }),
  /** `height` is the line's; letters are 0.72 of it. Text that is too long shrinks to 60 %, then ends in an ellipsis. */
  z.object({ type: z.literal('text'), ...box, align, text: z.string().max(500) }),
  z.object({ type: z.literal('line'), ...box }),
  /** A picture as a 1-bit PNG or SVG file's content is not fetched: the path data of one filled shape, in a 100 × 100 box. */
  z.object({ type: z.literal('logo'), ...box, path: z.string().max(20_000) }),
]);

export const layoutSchema = z.object({
  name: z.string().min(1).max(40),
  width_mm: mm.positive(),
  height_mm: mm.positive(),
  elements: z.array(elementSchema).min(1).max(40),
});

export type Element = z.output<typeof elementSchema>;
export type Layout = z.output<typeof layoutSchema>;
export type SymbolElement = Extract<Element, { type: 'symbol' }>;
export type TextElement = Extract<Element, { type: 'text' }>;

const defaultLines = ['{{code}}', '{{asset.name}}', '{{tenant.name}}'];

/** The lines of a text template; without one: code, name of the asset, name of the site. */
export const linesOf = (textTemplate: string | undefined): string[] => {
  const lines = (textTemplate ?? '').split(/\r?\n/).map((line) => line.trim());
  return lines.some(Boolean) ? lines : defaultLines;
};

/** A layout for any size: a square symbol stands left of its texts or above them, bars run across the top. */
export function defaultLayout(
  size: { width_mm: number; height_mm: number },
  square: boolean,
  lines: readonly string[],
): Layout {
  const margin = Math.min(2, Math.max(1, Math.min(size.width_mm, size.height_mm) * 0.05));
  const inner = { x: margin, y: margin, width: size.width_mm - 2 * margin, height: size.height_mm - 2 * margin };
  const beside = square && inner.width >= inner.height * 1.45;
  const elements = beside ? sideBySide(inner, lines) : stacked(inner, lines);
  return { name: 'default', ...size, elements };
}

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

function sideBySide(inner: Box, lines: readonly string[]): Element[] {
  const side = Math.min(inner.height, inner.width * 0.5);
  const symbol: Element = {
    type: 'symbol',
    x: inner.x,
    y: inner.y + (inner.height - side) / 2,
    width: side,
    height: side,
    align: 'center',
  };
  const gap = 1;
  const text = { x: inner.x + side + gap, y: inner.y, width: inner.width - side - gap, height: inner.height };
  return [symbol, ...texts(text, lines, 'left', Math.min(6, inner.height / (lines.length + 0.5)), true)];
}

function stacked(inner: Box, lines: readonly string[]): Element[] {
  const height = Math.min(4.5, Math.max(2, inner.height * 0.13));
  const shown = lines.slice(0, Math.max(1, Math.floor((inner.height * 0.45) / height)));
  const above = inner.height - shown.length * height - 0.5;
  const symbol: Element = { type: 'symbol', ...inner, height: above, align: 'center' };
  const below = { ...inner, y: inner.y + above + 0.5, height: shown.length * height };
  return [symbol, ...texts(below, shown, 'center', height, false)];
}

/** The first line, the code, is the largest. */
function texts(
  area: Box,
  lines: readonly string[],
  align: 'left' | 'center',
  height: number,
  centred: boolean,
): Element[] {
  const heights = lines.map((_, index) => (index === 0 ? height : height * 0.85));
  const total = heights.reduce((sum, one) => sum + one, 0);
  let y = area.y + (centred ? Math.max(0, (area.height - total) / 2) : 0);
  return lines.map((text, index) => {
    const element: Element = { type: 'text', x: area.x, y, width: area.width, height: heights[index]!, align, text };
    y += heights[index]!;
    return element;
  });
}
