/** What a ZPL printer answers of itself: ~HS and ~HQES for its state, ~HI for what it is (ZPL II Programming Guide). */
import type { Identity, PrinterStatus, Reason } from './printer.ts';

const dpiOf: Record<string, number> = { 6: 152, 8: 203, 12: 300, 24: 600 };

export interface HostStatus extends PrinterStatus {
  held: number;
  /** A format has begun to arrive and has not ended. */
  partial: boolean;
}

/** Three lines between STX and ETX; undefined while they are not all there. */
export function parseHostStatus(text: string): HostStatus | undefined {
  const found = /\u0002([\d,]+)\u0003[\r\n]*\u0002([\d,]+)\u0003[\r\n]*\u0002([\w,]*)\u0003/.exec(text);
  if (!found) return undefined;
  const [one, two] = [found[1]!.split(','), found[2]!.split(',')];
  if (one.length < 12 || two.length < 9) return undefined;
  const flags: [boolean, Reason][] = [
    [one[1] === '1', 'paper_out'],
    [two[3] === '1', 'ribbon_out'],
    [two[2] === '1', 'head_open'],
    [one[2] === '1', 'paused'],
    [two[7] === '1', 'label_waiting'],
    [one[10] === '1' || one[11] === '1', 'temperature'],
  ];
  return {
    reasons: flags.filter(([set]) => set).map(([, reason]) => reason),
    held: Number(one[4]) + Number(two[8]),
    partial: one[7] === '1',
  };
}

/** Bits of the low word of the errors. */
const errorBits: [number, Reason][] = [
  [0x1, 'paper_out'],
  [0x2, 'ribbon_out'],
  [0x4, 'head_open'],
  [0x8, 'cutter'],
  [0x10, 'temperature'],
  [0x20, 'temperature'],
  [0x1000, 'jam'],
  [0x4000, 'jam'],
  [0x10000, 'paused'],
];

/** `ERRORS: 1 00000000 00000005`; undefined while it is not there. It says nothing of labels. */
export function parseErrors(text: string): PrinterStatus | undefined {
  const found =
    /ERRORS:\s+([01])\s+[0-9A-Fa-f]{8}\s+([0-9A-Fa-f]{8})[\s\S]*WARNINGS:\s+[01]\s+[0-9A-Fa-f]{8}\s+[0-9A-Fa-f]{8}/.exec(
      text,
    );
  if (!found) return undefined;
  const word = Number.parseInt(found[2]!, 16);
  const named = errorBits.filter(([bit]) => (word & bit) !== 0).map(([, reason]) => reason);
  const faulty = found[1] === '1' && named.length === 0;
  return { reasons: faulty ? ['printer_error'] : [...new Set(named)] };
}

/** `ZD420-203dpi,V84.20.18Z,8,8176KB` between STX and ETX. */
export function parseIdentity(text: string): Identity | undefined {
  const found = /\u0002([^,\u0003]{1,80}),[^,\u0003]*,(\d+),[^\u0003]*\u0003/.exec(text);
  return found ? { model: found[1]!.trim(), dpi: dpiOf[found[2]!] ?? null } : undefined;
}
