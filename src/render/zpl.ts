/** ZPL II of a label: one ^XA…^XZ, ASCII in the clear, and no value that a printer could take for a command. */
import { type CompiledLabel, type Drawn, draw } from './compiled.ts';
import { elementsOf, joined } from './gs1.ts';
import { fill, type LabelData } from './placeholders.ts';
import { graphic, rasterise } from './raster.ts';
import { bodyOf, withEscapes } from './zpl-template.ts';

/** Hexadecimal escapes (^FH_) for every byte that is not plainly harmless. */
export const escaped = (text: string): string =>
  /^[A-Za-z0-9 ./:-]*$/.test(text)
    ? text
    : Array.from(Buffer.from(text, 'utf8'), (byte) =>
        harmless(byte) ? String.fromCharCode(byte) : `_${byte.toString(16).toUpperCase().padStart(2, '0')}`,
      ).join('');

const harmless = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) ||
  (byte >= 0x41 && byte <= 0x5a) ||
  (byte >= 0x61 && byte <= 0x7a) ||
  byte === 0x20 ||
  (byte >= 0x2d && byte <= 0x2f) ||
  byte === 0x3a;

export function toZpl(label: CompiledLabel, data: LabelData): string {
  const width = Math.round(label.width_mm * label.dotsPerMm);
  const height = Math.round(label.height_mm * label.dotsPerMm);
  const head = `^XA^CI28^PW${width}^LL${height}^LH0,0`;
  const drawn = draw(label, data);
  const body = label.zplTemplate
    ? fill(withEscapes(bodyOf(label.zplTemplate)), data, escaped)
    : drawn.map((part) => command(label, part)).join('');
  return `${head}${body}^XZ\n`;
}

function command(label: CompiledLabel, part: Drawn): string {
  if (part.type === 'line')
    return `^FO${part.x},${part.y}^GB${part.width},${part.height},${Math.min(part.width, part.height)}^FS`;
  if (part.type === 'text' && /^[\u0020-\u007e]*$/.test(part.text)) return text(part);
  const native = part.type === 'symbol' ? symbol(label, part) : undefined;
  return native ?? graphic(rasterise(part));
}

/** Font 0 is narrower than Noto Sans by about a tenth, so what was measured fits; the width is set to match. */
function text({ x, y, width, height, size, align, text: value }: Extract<Drawn, { type: 'text' }>): string {
  const dots = Math.max(8, Math.round(size));
  const top = y + Math.max(0, Math.round((height - dots) / 2));
  const side = { left: 'L', center: 'C', right: 'R' }[align];
  return `^FO${x},${top}^A0N,${dots},${dots}^FB${width},1,0,${side}^FH_^FD${escaped(value)}^FS`;
}

/** A command that the printer draws by itself; undefined where its own encoder could draw something else. */
function symbol(
  { symbology }: CompiledLabel,
  { x, y, module, height, code }: Extract<Drawn, { type: 'symbol' }>,
): string | undefined {
  const at = `^FO${x},${y}`;
  const ascii = /^[\u0020-\u007e]*$/.test(code);
  switch (symbology) {
    case 'qr':
      // The first three characters are error correction and input mode.
      return ascii && module <= 10 ? `${at}^BQN,2,${module}^FH_^FDMA,${escaped(code)}^FS` : undefined;
    case 'code128':
      // Mode A: the printer chooses the code sets, and > stands for itself.
      return `${at}^BY${module}^BCN,${height},N,N,N,A^FH_^FD${escaped(code)}^FS`;
    case 'gs1-128': {
      const elements = elementsOf(code);
      return elements && module <= 10
        ? `${at}^BY${module}^BCN,${height},N,N,N,D^FH_^FD${escaped(joined(elements, '>8', true))}^FS`
        : undefined;
    }
    case 'datamatrix': {
      // The escape character differs by firmware unless it is given; one that is not in the code never escapes. Never ~ or ^.
      const unused = [...'@`|#!'].find((character) => !code.includes(character));
      return ascii && unused ? `${at}^BXN,${module},200,,,,${unused}^FH_^FD${escaped(code)}^FS` : undefined;
    }
    case 'gs1-datamatrix': {
      const elements = elementsOf(code);
      return elements ? `${at}^BXN,${module},200,,,,@^FH_^FD${escaped(`@1${joined(elements, '@1')}`)}^FS` : undefined;
    }
    case 'ean13':
      return code.length === 13 ? `${at}^BY${module}^BEN,${height},N,N^FD${code.slice(0, 12)}^FS` : undefined;
    default:
      return undefined;
  }
}
