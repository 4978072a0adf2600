/** A picture of a label: for screens, and for printers that take pictures. */
import { type CompiledLabel, draw } from './compiled.ts';
import type { LabelData } from './placeholders.ts';
import { renderSvg, svgOf } from './raster.ts';

/** PNG with one pixel for each of the printer's dots, or scaled to another `dpi`. */
export function toPng(label: CompiledLabel, data: LabelData, { dpi = label.dpi }: { dpi?: number } = {}): Buffer {
  const width = Math.round(label.width_mm * label.dotsPerMm);
  const height = Math.round(label.height_mm * label.dotsPerMm);
  return renderSvg(svgOf(draw(label, data), width, height, dpi / label.dpi)).asPng();
}
