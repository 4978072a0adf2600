import { z } from 'zod';
import { modes } from './kinds.ts';
import { layoutNames } from './wedge/keymap.ts';

/** Each character is a byte. */
const bytes = () =>
  z
    .string()
    .max(50)
    .regex(/^[\u0000-\u00ff]*$/, { error: 'Use characters of one byte, up to \\xff.' })
    .default('');

/** How a scanner's line is set, its text read, and what its scans do. Every key may be left out. */
export const deviceSettings = z.strictObject({
  /** Bits per second; meaningless on USB CDC. */
  baud_rate: z.int().min(300).max(4_000_000).default(9_600),
  data_bits: z.union([z.literal(7), z.literal(8)]).default(8),
  stop_bits: z.union([z.literal(1), z.literal(2)]).default(1),
  parity: z.enum(['none', 'even', 'odd']).default('none'),
  /** Text that the scanner is set to send before and after the code; cut off. A Tab as suffix ends the code, as CR does. */
  prefix: z.string().max(20).default(''),
  suffix: z.string().max(20).default(''),
  /** What the scanner sends in place of GS (0x1D), such as `|`; nothing unless set. */
  gs_substitute: z.string().max(10).default(''),
  /** The AIM identifier is kept, as it tells the symbology, or cut off where it only disturbs. */
  aim: z.enum(['keep', 'strip']).default('keep'),
  /** The same code again within this time is one scan, in ms. */
  duplicate_window_ms: z.int().min(0).max(60_000).default(400),
  /** A scanner without CR or LF at the end: silence this long ends the code, in ms. 0 waits for CR or LF. */
  idle_timeout_ms: z.int().min(0).max(5_000).default(0),
  /** What is sent to the scanner for each scan that names an asset or is understood, for it to beep: serial lines and tcp. */
  beep_known: bytes(),
  /** The same for a code that names no asset. */
  beep_unknown: bytes(),
  /** The same for a scan that is rejected or refused. */
  beep_refused: bytes(),
  /** The keyboard that a wedge is set to type on. */
  keyboard: z.enum(layoutNames).default('us'),
  /** What scans do until a command code says otherwise. */
  mode: z.enum(modes).default('record'),
  /** Silence this long ends what a command code began, in seconds. */
  mode_timeout_s: z.int().min(5).max(86_400).default(120),
  /** The stock-take session that scans count in; unset, the only open one at the device's location. */
  session: z.int().positive().nullable().default(null),
});

export type DeviceSettings = z.output<typeof deviceSettings>;
