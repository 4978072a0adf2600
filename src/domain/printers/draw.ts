/** Labels as the printer wants them: at its own resolution, moved by its calibration. */
import { Invalid } from '../../base/errors.ts';
import type { CompiledLabel, LabelData, LabelTemplate } from '../../render/labels.ts';
import type { Label } from './ledger.ts';
import type { PrinterRow } from './resource.ts';

export interface Piece {
  bytes: Buffer;
  labels: Label[];
}

export interface Refused {
  label: Label;
  why: string;
}

const drawn = [203, 300, 600];

/** One piece for each label as ZPL, one for all as PDF. Labels that cannot be drawn are told apart. */
export async function drawFor(
  printer: PrinterRow,
  template: LabelTemplate,
  labels: readonly Label[],
  language: 'zpl' | 'pdf',
): Promise<{ pieces: Piece[]; refused: Refused[] }> {
  const { compile } = await import('../../render/labels.ts');
  const own = printer.dpi !== null && drawn.includes(printer.dpi) && !template.zpl_template;
  const label = compile(own && language === 'zpl' ? { ...template, dpi: printer.dpi! } : template);
  return language === 'zpl' ? asZpl(printer, label, labels) : asPdf(printer, label, labels);
}

async function asZpl(printer: PrinterRow, compiled: CompiledLabel, labels: readonly Label[]) {
  const { toZpl } = await import('../../render/labels.ts');
  const pieces: Piece[] = [];
  const refused: Refused[] = [];
  for (const label of labels) {
    const text = attempt(() => toZpl(compiled, dataOf(label)));
    if (text instanceof Invalid) refused.push({ label, why: text.message });
    else pieces.push({ bytes: Buffer.from(moved(text, printer, compiled.dotsPerMm)), labels: [label] });
  }
  return { pieces, refused };
}

async function asPdf(printer: PrinterRow, compiled: CompiledLabel, labels: readonly Label[]) {
  const { checkFits, pdfStream } = await import('../../render/labels.ts');
  const fits: Label[] = [];
  const refused: Refused[] = [];
  for (const label of labels) {
    const fault = attempt(() => checkFits(compiled, dataOf(label)));
    if (fault instanceof Invalid) refused.push({ label, why: fault.message });
    else fits.push(label);
  }
  if (fits.length === 0) return { pieces: [], refused };
  const offsets = { offsetX: printer.offset_x_mm, offsetY: printer.offset_y_mm };
  const parts: Buffer[] = [];
  for await (const part of pdfStream(compiled, fits.map(dataOf), offsets)) parts.push(Buffer.from(part));
  return { pieces: [{ bytes: Buffer.concat(parts), labels: fits }], refused };
}

const dataOf = ({ data }: Label): LabelData => JSON.parse(data);

function attempt<T>(work: () => T): T | Invalid {
  try {
    return work();
  } catch (error) {
    if (error instanceof Invalid) return error;
    throw error;
  }
}

/** ^LS counts to the left; ^LT takes 120 dots at most. */
function moved(zpl: string, { offset_x_mm: x, offset_y_mm: y }: PrinterRow, dotsPerMm: number): string {
  if (x === 0 && y === 0) return zpl;
  const down = Math.max(-120, Math.min(120, Math.round(y * dotsPerMm)));
  return zpl.replace('^LH0,0', `^LH0,0^LT${down}^LS${-Math.round(x * dotsPerMm)}`);
}
