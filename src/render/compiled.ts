/** A template checked once, and the drawing of one label in dots: what ZPL, PDF and PNG have in common. */
import { type FieldErrors, Invalid } from '../base/errors.ts';
import { setText } from './fonts.ts';
import { defaultLayout, type Element, type Layout, linesOf, type SymbolElement, type TextElement } from './layout.ts';
import { fill, type LabelData, placeholderFault } from './placeholders.ts';
import { canonical, type Geometry, isSquare, measure, symbologies } from './symbol.ts';
import { zplFault } from './zpl-template.ts';

export interface LabelTemplate {
  name?: string;
  symbology: string;
  width_mm: number;
  height_mm: number;
  dpi: number;
  text_template?: string;
  zpl_template?: string;
  layout?: Layout;
}

export interface CompiledLabel {
  symbology: string;
  width_mm: number;
  height_mm: number;
  dpi: number;
  /** Printers count whole dots to the millimetre: 8, 12 and 24. */
  dotsPerMm: number;
  /** The layout's elements, each with its place in dots. */
  places: readonly { element: Element; box: Box }[];
  zplTemplate: string;
}

const dotsPerMm: Record<number, number> = { 203: 8, 300: 12, 600: 24 };
/** A module under 0.25 mm is read badly by common scanners; these are the dots that make it. */
const leastDots: Record<number, number> = { 203: 2, 300: 3, 600: 6 };
/** Bars wider than this gain nothing, in mm. */
const widestBar = 0.5;
const widestModule = 1.5;

/** Invalid naming each faulty field of the template. */
export function compile(template: LabelTemplate): CompiledLabel {
  const faults: FieldErrors = {};
  const { symbology, width_mm, height_mm, dpi, text_template = '', zpl_template = '' } = template;
  if (!(symbologies as readonly string[]).includes(symbology))
    faults.symbology = [`Unknown symbology. Choose one of: ${symbologies.join(', ')}.`];
  if (!dotsPerMm[dpi]) faults.dpi = ['Choose 203, 300 or 600.'];
  for (const [field, value] of Object.entries({ width_mm, height_mm }))
    if (!(value >= 5 && value <= 500)) faults[field] = ['Ensure this value is between 5 and 500.'];
  const textFault = placeholderFault(text_template);
  if (textFault) faults.text_template = [textFault];
  const zpl = zpl_template === '' ? undefined : (placeholderFault(zpl_template) ?? zplFault(zpl_template));
  if (zpl) faults.zpl_template = [zpl];
  if (Object.keys(faults).length > 0) throw new Invalid(faults);
  const size = { width_mm, height_mm };
  const layout = template.layout ?? defaultLayout(size, isSquare(symbology), linesOf(text_template));
  return {
    symbology: canonical(symbology),
    ...size,
    dpi,
    dotsPerMm: dotsPerMm[dpi]!,
    places: layout.elements.map((element) => ({ element, box: boxOf(element, dotsPerMm[dpi]!) })),
    zplTemplate: zpl_template,
  };
}

/** Places in dots from the label's top left. */
export type Drawn =
  | {
      type: 'symbol';
      symbology: string;
      size: Geometry;
      module: number;
      x: number;
      y: number;
      height: number;
      code: string;
    }
  | {
      type: 'text';
      text: string;
      x: number;
      y: number;
      width: number;
      height: number;
      size: number;
      align: TextElement['align'];
      set: number;
    }
  | { type: 'line'; x: number; y: number; width: number; height: number }
  | { type: 'logo'; x: number; y: number; width: number; height: number; path: string };

/** Letters take this much of a line's height. */
const letterShare = 0.78;

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

const boxOf = ({ x, y, width, height }: Element, dots: number): Box => ({
  x: Math.round(x * dots),
  y: Math.round(y * dots),
  width: Math.max(1, Math.round(width * dots)),
  height: Math.max(1, Math.round(height * dots)),
});

/** The parts of one label. Invalid when its symbol does not fit. */
export function draw(label: CompiledLabel, data: LabelData): Drawn[] {
  const parts: Drawn[] = [];
  for (const { element, box } of label.places) {
    const part = drawn(label, element, box, data);
    if (part) parts.push(part);
  }
  return parts;
}

function drawn(label: CompiledLabel, element: Element, box: Box, data: LabelData): Drawn | undefined {
  if (element.type === 'line') return { type: 'line', ...box };
  if (element.type === 'logo') return { type: 'logo', ...box, path: element.path };
  if (element.type === 'symbol') return drawSymbol(label, element, box, data.code);
  const text = fill(element.text, data);
  if (text === '') return undefined;
  const set = setText(text, box.height * letterShare, box.width);
  return { type: 'text', ...box, text: set.text, size: set.size, align: element.align, set: set.width };
}

function drawSymbol(label: CompiledLabel, { align }: SymbolElement, box: Box, code: string): Drawn {
  const matrix = measure(label.symbology, code);
  const columns = matrix.columns + 2 * matrix.quietX;
  const rows = matrix.rows + 2 * matrix.quietY;
  const least = leastDots[label.dpi]!;
  const across = Math.floor(box.width / columns);
  const module = Math.min(
    matrix.bars ? across : Math.min(across, Math.floor(box.height / rows)),
    mostDots(label, matrix.bars),
  );
  if (module < least) throw tooLarge(label, matrix, least, box);
  const width = columns * module;
  const left = align === 'left' ? 0 : align === 'right' ? box.width - width : Math.floor((box.width - width) / 2);
  const height = matrix.bars ? box.height : rows * module;
  const top = matrix.bars ? 0 : Math.floor((box.height - height) / 2);
  return {
    type: 'symbol',
    symbology: label.symbology,
    size: matrix,
    module,
    code,
    x: box.x + left + matrix.quietX * module,
    y: box.y + top + matrix.quietY * module,
    height: matrix.bars ? box.height : matrix.rows * module,
  };
}

const mostDots = ({ dotsPerMm }: CompiledLabel, bars: boolean): number =>
  Math.floor((bars ? widestBar : widestModule) * dotsPerMm);

function tooLarge(label: CompiledLabel, matrix: Geometry, least: number, box: Box): Invalid {
  const mm = (modules: number) => (Math.ceil(((modules * least) / label.dotsPerMm) * 10) / 10).toFixed(1);
  const place = (dots: number) => (dots / label.dotsPerMm).toFixed(1);
  const width = mm(matrix.columns + 2 * matrix.quietX);
  const needed = matrix.bars ? `${width} mm in width` : `${width} × ${mm(matrix.rows + 2 * matrix.quietY)} mm`;
  const given = matrix.bars ? `${place(box.width)} mm` : `${place(box.width)} × ${place(box.height)} mm`;
  const size = `${label.width_mm} × ${label.height_mm} mm`;
  return new Invalid({
    code: [
      `This code does not fit: as ${label.symbology} at ${label.dpi} dpi it needs ${needed}, and the ${size} label has ${given} for it. Use a larger label, a 2D symbol or a shorter code.`,
    ],
  });
}
