/** Labels: a template, compiled once, becomes ZPL, PDF or PNG for each code. The renderer's face to all above. */
import { type CompiledLabel, draw } from './compiled.ts';
import type { LabelData } from './placeholders.ts';
import { toZpl } from './zpl.ts';

export { getLayout, getSheet, listLayouts, listSheets } from './catalog.ts';
export { type CompiledLabel, compile, type LabelTemplate } from './compiled.ts';
export { type PdfOptions, pdfStream } from './pdf.ts';
export type { LabelData } from './placeholders.ts';
export { toPng } from './png.ts';
export { symbologies } from './symbol.ts';
export { toZpl } from './zpl.ts';

/** Invalid when the label's symbol cannot carry the code, or not at a size that scanners read. */
export function checkFits(label: CompiledLabel, data: LabelData): void {
  draw(label, data);
}

/** ZPL of many labels, some to a piece. */
export async function* zplStream(
  label: CompiledLabel,
  items: Iterable<LabelData> | AsyncIterable<LabelData>,
  onProgress?: (done: number) => void,
): AsyncGenerator<string> {
  let piece = '';
  let done = 0;
  for await (const data of items) {
    piece += toZpl(label, data);
    done += 1;
    onProgress?.(done);
    if (piece.length > 65_536) {
      yield piece;
      piece = '';
    }
  }
  if (piece !== '') yield piece;
}
