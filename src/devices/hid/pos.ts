/** Reports of a HID POS scanner (USB HID Point of Sale Usage Tables, page 0x8C) -> codes with their AIM identifier. */
import { maxLength } from '../reading.ts';
import { bitsAt, type Field, type ReportDescriptor } from './descriptor.ts';

const scanner = { page: 0x8c, symbology: [0xfb, 0xfc, 0xfd], data: 0xfe, continued: 0xff };
const byteCount = { page: 0x01, usage: 0x3b };
/** The rest of a code that does not come is not waited for, in ms. */
const patience = 1_000;

type Place = Pick<Field, 'offset' | 'size'>;

/** Where the parts of a code are in one kind of report. */
export interface PosLayout {
  /** Undefined where reports have no number. */
  report: number | undefined;
  /** How many bytes of data count; without it trailing zeros do not. */
  length: Place | undefined;
  symbology: Place[];
  data: Place[];
  continued: Place | undefined;
}

export const isPos = ({ applications }: ReportDescriptor): boolean =>
  applications.some((one) => one >>> 16 === scanner.page);

export function layoutsOf({ fields, numbered }: ReportDescriptor): PosLayout[] {
  const reports = new Set(fields.map(({ report }) => report));
  const layouts = [...reports].map((report) => {
    const own = fields.filter((field) => field.report === report);
    const ours = own.filter(({ page }) => page === scanner.page);
    return {
      report: numbered ? report : undefined,
      length: own.find(({ page, usage }) => page === byteCount.page && usage === byteCount.usage),
      symbology: scanner.symbology.flatMap((usage) => ours.find((field) => field.usage === usage) ?? []),
      data: ours.filter(({ usage, size }) => usage === scanner.data && size === 8),
      continued: ours.find(({ usage }) => usage === scanner.continued),
    };
  });
  return layouts.filter(({ data }) => data.length > 0);
}

const bytes = (from: number, count: number): Place[] =>
  Array.from({ length: count }, (_, index) => ({ offset: (from + index) * 8, size: 8 }));

/** What Honeywell, Zebra and Datalogic send, for a device that does not let its descriptor be read. */
export const usualLayout: PosLayout = {
  report: 2,
  length: bytes(0, 1)[0]!,
  symbology: bytes(1, 3),
  data: bytes(4, 56),
  continued: { offset: 62 * 8, size: 1 },
};

export interface PosEvents {
  /** A whole code, its AIM identifier before it. */
  code(bytes: Uint8Array): void;
  overflow(): void;
}

/** Joins the reports of a long code. */
export class PosReader {
  readonly #layouts: PosLayout[];
  readonly #events: PosEvents;
  #parts: number[] = [];
  #at = 0;

  constructor(layouts: PosLayout[], events: PosEvents) {
    this.#layouts = layouts;
    this.#events = events;
  }

  push(bytes: Uint8Array): void {
    const layout = this.#layouts.find(({ report }) => report === undefined || report === bytes[0]);
    if (!layout) return;
    const report = layout.report === undefined ? bytes : bytes.subarray(1);
    const now = performance.now();
    if (now - this.#at > patience) this.reset();
    this.#at = now;
    if (this.#parts.length === 0) this.#parts.push(...aimOf(report, layout));
    // One byte too many tells that it is too long; a scanner that never ends its code must not fill the memory.
    const room = Math.max(0, maxLength + 1 - this.#parts.length);
    this.#parts.push(...dataOf(report, layout).slice(0, room));
    if (layout.continued && bitsAt(report, layout.continued) === 1) return;
    const code = Uint8Array.from(this.#parts);
    this.reset();
    if (code.length > maxLength) this.#events.overflow();
    else this.#events.code(code);
  }

  reset(): void {
    this.#parts = [];
  }
}

function aimOf(report: Uint8Array, { symbology }: PosLayout): number[] {
  const identifier = symbology.map((place) => bitsAt(report, place));
  return /^\][A-Za-z][0-9A-Za-z]$/.test(String.fromCharCode(...identifier)) ? identifier : [];
}

function dataOf(report: Uint8Array, { length, data }: PosLayout): number[] {
  const all = data.map((place) => bitsAt(report, place));
  if (length) return all.slice(0, bitsAt(report, length));
  return all.slice(0, all.findLastIndex((byte) => byte !== 0) + 1);
}
