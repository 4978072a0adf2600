/** HID report descriptors: what lies where in the reports that a device sends (USB HID 1.11, 6.2.2). */

/** A value in an input report. */
export interface Field {
  /** 0 where reports have no number. */
  report: number;
  page: number;
  usage: number;
  /** The value is the number of a usage that is on, as with the keys of a keyboard. */
  isArray: boolean;
  /** In bits from the start of the report, its number not counted. */
  offset: number;
  size: number;
}

export interface ReportDescriptor {
  fields: Field[];
  /** Each report begins with its number. */
  numbered: boolean;
  /** What the device says it is: `page << 16 | usage` of each outermost collection. */
  applications: number[];
}

/** A device must not make us fill the memory. */
const mostFields = 16_384;

interface Globals {
  page: number;
  size: number;
  count: number;
  report: number;
}

export function parseDescriptor(bytes: Uint8Array): ReportDescriptor {
  const parsed: ReportDescriptor = { fields: [], numbered: false, applications: [] };
  const stack: Globals[] = [];
  const offsets = new Map<number, number>();
  let globals: Globals = { page: 0, size: 0, count: 0, report: 0 };
  let usages: number[] = [];
  let least = 0;
  let depth = 0;
  for (const { type, tag, value, length } of itemsOf(bytes)) {
    const usage = () => (length === 4 ? value : ((globals.page << 16) | value) >>> 0);
    if (type === 1) {
      if (tag === 0) globals.page = value;
      else if (tag === 7) globals.size = value;
      else if (tag === 8) {
        globals.report = value;
        parsed.numbered = true;
      } else if (tag === 9) globals.count = value;
      else if (tag === 10) stack.push({ ...globals });
      else if (tag === 11) globals = stack.pop() ?? globals;
    } else if (type === 2) {
      if (tag === 0) usages.push(usage());
      else if (tag === 1) least = usage();
      else if (tag === 2) for (let one = least; one <= usage() && usages.length < 1_024; one += 1) usages.push(one);
    } else if (type === 0) {
      if (tag === 8) addInput(parsed, globals, usages, offsets, value);
      if (tag === 10 && depth === 0 && usages[0] !== undefined) parsed.applications.push(usages[0]);
      if (tag === 10) depth += 1;
      if (tag === 12) depth -= 1;
      usages = [];
    }
  }
  return parsed;
}

function addInput(
  { fields }: ReportDescriptor,
  { size, count, report, page }: Globals,
  usages: number[],
  offsets: Map<number, number>,
  flags: number,
): void {
  const start = offsets.get(report) ?? 0;
  offsets.set(report, start + size * count);
  const isConstant = (flags & 1) !== 0;
  const isArray = (flags & 2) === 0;
  if (isConstant || size === 0) return;
  for (let index = 0; index < count && fields.length < mostFields; index += 1) {
    const usage = usages[Math.min(index, usages.length - 1)] ?? (page << 16) >>> 0;
    fields.push({ report, page: usage >>> 16, usage: usage & 0xffff, isArray, offset: start + index * size, size });
  }
}

interface Item {
  type: number;
  tag: number;
  value: number;
  length: number;
}

function* itemsOf(bytes: Uint8Array): Generator<Item> {
  let at = 0;
  while (at < bytes.length) {
    const head = bytes[at]!;
    if (head === 0xfe) {
      at += 3 + (bytes[at + 1] ?? 0);
      continue;
    }
    const length = [0, 1, 2, 4][head & 3]!;
    let value = 0;
    for (let index = 0; index < length; index += 1) value += (bytes[at + 1 + index] ?? 0) * 2 ** (8 * index);
    yield { type: (head >> 2) & 3, tag: head >> 4, value, length };
    at += 1 + length;
  }
}

/** The field's value in a report, whose number is left off. Bits run from the lowest of each byte. */
export function bitsAt(report: Uint8Array, { offset, size }: Pick<Field, 'offset' | 'size'>): number {
  let value = 0;
  for (let bit = 0; bit < Math.min(size, 32); bit += 1) {
    const at = offset + bit;
    const byte = report[at >> 3] ?? 0;
    value += ((byte >> (at & 7)) & 1) * 2 ** bit;
  }
  return value;
}
