/** What every scanner driver offers, whatever its line. */
import type { DeviceSettings } from './settings.ts';

/** `waiting` covers all that a replug or a free port will cure; the code says which. */
export interface ScannerState {
  state: 'stopped' | 'opening' | 'open' | 'waiting';
  /** DEVICE_MISSING, DEVICE_BUSY, DEVICE_DENIED or DEVICE_FAILED while waiting. */
  code?: string;
  message?: string;
}

export interface ScannerEvents {
  scan(text: string): void;
  state(state: ScannerState): void;
  overflow(): void;
}

export interface Scanner {
  start(): void;
  stop(): Promise<void>;
}

export type OpenScanner = (path: string, settings: DeviceSettings, events: ScannerEvents) => Scanner;
