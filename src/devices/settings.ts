import { z } from 'zod';

/** How a scanner's line is set and its text read. Every key may be left out. */
export const deviceSettings = z.strictObject({
  /** Bits per second; meaningless on USB CDC. */
  baud_rate: z.int().min(300).max(4_000_000).default(9_600),
  data_bits: z.union([z.literal(7), z.literal(8)]).default(8),
  stop_bits: z.union([z.literal(1), z.literal(2)]).default(1),
  parity: z.enum(['none', 'even', 'odd']).default('none'),
  /** Text that the scanner is set to send before and after the code; cut off. */
  prefix: z.string().max(20).default(''),
  suffix: z.string().max(20).default(''),
  /** What the scanner sends in place of GS (0x1D), such as `|`; nothing unless set. */
  gs_substitute: z.string().max(10).default(''),
  /** The same code again within this time is one scan, in ms. */
  duplicate_window_ms: z.int().min(0).max(60_000).default(400),
  /** A scanner without CR or LF at the end: silence this long ends the code, in ms. 0 waits for CR or LF. */
  idle_timeout_ms: z.int().min(0).max(5_000).default(0),
});

export type DeviceSettings = z.output<typeof deviceSettings>;
