/** Where modifiers and keys are in the reports of a keyboard. */
import { bitsAt, type Field, type ReportDescriptor } from '../hid/descriptor.ts';

const keyboard = { application: (0x01 << 16) | 0x06, page: 0x07, firstModifier: 0xe0, lastModifier: 0xe7 };

export const isKeyboard = ({ applications }: ReportDescriptor): boolean => applications.includes(keyboard.application);

export interface KeyLayout {
  /** Undefined where reports have no number. */
  report: number | undefined;
  /** In the order of their bits, and the first may be anywhere. */
  modifiers: Pick<Field, 'offset' | 'size'>[];
  keys: Pick<Field, 'offset' | 'size'>[];
}

const at = (offset: number, size: number) => ({ offset, size });

/** The boot protocol, which every keyboard can: modifiers, a byte that means nothing, six keys. */
export const bootLayout: KeyLayout = {
  report: undefined,
  modifiers: Array.from({ length: 8 }, (_, bit) => at(bit, 1)),
  keys: Array.from({ length: 6 }, (_, index) => at((2 + index) * 8, 8)),
};

export function keyLayoutOf({ fields, numbered }: ReportDescriptor): KeyLayout {
  const ours = fields.filter(({ page }) => page === keyboard.page);
  const first = ours.find(({ isArray }) => isArray);
  if (!first) return bootLayout;
  const own = ours.filter(({ report }) => report === first.report);
  const isModifier = ({ usage, isArray }: Field) =>
    !isArray && usage >= keyboard.firstModifier && usage <= keyboard.lastModifier;
  return {
    report: numbered ? first.report : undefined,
    modifiers: own.filter(isModifier).sort((one, other) => one.usage - other.usage),
    keys: own.filter(({ isArray }) => isArray),
  };
}

/** Undefined for a report that is not of the keys, such as one of the volume buttons. */
export function keysIn(bytes: Uint8Array, layout: KeyLayout): { modifiers: number; keys: number[] } | undefined {
  if (layout.report !== undefined && bytes[0] !== layout.report) return undefined;
  const report = layout.report === undefined ? bytes : bytes.subarray(1);
  const modifiers = layout.modifiers.reduce((sum, place, bit) => sum + bitsAt(report, place) * 2 ** bit, 0);
  const keys = layout.keys.map((place) => bitsAt(report, place)).filter((key) => key !== 0);
  return { modifiers, keys };
}
