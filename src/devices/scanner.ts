/** What every scanner driver offers, whatever its line. */
import type { DeviceSettings } from './settings.ts';

/** `waiting` covers all that a replug, a free port or a cure by hand will mend; the code says which. */
export interface ScannerState {
  /** `ended`: the line said that nothing more will come, as standard input does. */
  state: 'stopped' | 'opening' | 'open' | 'waiting' | 'ended';
  /** While waiting: why. While open: what is wrong nevertheless. See docs/HARDWARE.md. */
  code?: DeviceCode;
  message?: string;
}

export type DeviceCode =
  | 'DEVICE_MISSING'
  | 'DEVICE_BUSY'
  | 'DEVICE_DENIED'
  | 'DEVICE_FAILED'
  | 'DEVICE_AMBIGUOUS'
  | 'DEVICE_WRONG_MODE'
  | 'DEVICE_LIBRARY';

export interface Reason {
  code: DeviceCode;
  message: string;
}

export interface ScannerEvents {
  scan(text: string): void;
  state(state: ScannerState): void;
  overflow(): void;
}

export interface Scanner {
  start(): void;
  stop(): Promise<void>;
  /** To the scanner itself; nothing happens where it cannot be sent to. */
  send(bytes: Uint8Array): void;
}

export type OpenScanner = (path: string, settings: DeviceSettings, events: ScannerEvents) => Scanner;

/** An error whose cause is known, thrown while a line is opened. */
export class LineError extends Error {
  readonly reason: Reason;
  constructor(code: DeviceCode, message: string) {
    super(message);
    this.reason = { code, message };
  }
}
