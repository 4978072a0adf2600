/** Every kind of scanner there is, in one list. */
import type { OpenScanner } from './scanner.ts';
import { openSerial } from './serial-scanner.ts';

export const drivers: Record<string, OpenScanner> = { serial: openSerial };
