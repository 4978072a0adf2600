/** Every kind of scanner there is, in one list. */
import { openHid } from './hid/scanner.ts';
import { openInput } from './input-scanner.ts';
import type { OpenScanner } from './scanner.ts';
import { openSerial } from './serial-scanner.ts';
import { openTcp } from './tcp-scanner.ts';
import { openWedge } from './wedge/scanner.ts';

/** `input` is for a process that has a standard input to itself: a daemon's devices are of the other kinds. */
export const drivers: Record<string, OpenScanner> = {
  serial: openSerial,
  hid: openHid,
  wedge: openWedge,
  tcp: openTcp,
  input: openInput,
};
