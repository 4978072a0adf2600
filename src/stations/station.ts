/** One scanner and the service that records its scans: what it reads is on disk first, then recorded in order. */
import { join } from 'node:path';
import { AppError } from '../base/errors.ts';
import { newUuid } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { OpenScanner, Scanner, ScannerState } from '../devices/scanner.ts';
import { deviceSettings } from '../devices/settings.ts';
import { Spool, type SpooledScan } from './spool.ts';

export interface Device {
  id: number;
  tenant: number;
  name: string;
  kind: string;
  path: string;
  location: number | null;
  is_active: boolean;
  settings: Record<string, unknown>;
  updated_at: string;
}

export interface Recorded {
  status: string;
  /** The asset that the code named, if any. */
  asset: number | null;
}

/** Records one scan; the same client_event_id again changes nothing. Throws when it cannot now, or cannot at all. */
export type RecordScan = (scan: SpooledScan) => Promise<Recorded>;

export interface StationHealth extends ScannerState {
  id: number;
  name: string;
  tenant: number;
  last_scan_at: string | null;
  /** Recorded since the start. */
  scans: number;
  /** On disk, not yet recorded. */
  waiting: number;
  /** Put aside since they can never be recorded; `assetra doctor` names the file. */
  quarantined: number;
}

/** Waits between attempts to record, in ms, the last for ever. */
const waits = [200, 500, 1_000, 2_000, 5_000];

export class Station {
  readonly #device: Device;
  readonly #record: RecordScan;
  readonly #log: Log;
  readonly #spool: Spool;
  readonly #scanner: Scanner;
  #state: ScannerState = { state: 'opening' };
  #lastScanAt: string | null = null;
  #scans = 0;
  #failures = 0;
  #draining: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running = false;

  /** Throws Invalid when the device's settings are faulty. */
  constructor(device: Device, open: OpenScanner, record: RecordScan, spoolFolder: string, log: Log) {
    this.#device = device;
    this.#record = record;
    this.#log = log.child({ device: device.name, tenant_id: String(device.tenant) });
    this.#spool = new Spool(join(spoolFolder, `device-${device.id}.jsonl`));
    this.#scanner = open(device.path, deviceSettings.parse(device.settings), {
      scan: (text) => this.#take(text),
      state: (state) => this.#tell(state),
      overflow: () => this.#log.warn('A line was longer than any barcode and was dropped.'),
    });
  }

  start(): void {
    this.#running = true;
    this.#spool.open();
    this.#scanner.start();
    this.#drain();
  }

  /** What is not recorded by then stays on disk for the next start. */
  async stop(): Promise<void> {
    this.#running = false;
    clearTimeout(this.#timer);
    await this.#scanner.stop();
    await this.#draining;
    this.#spool.close();
  }

  health(): StationHealth {
    const { id, name, tenant } = this.#device;
    return {
      id,
      name,
      tenant,
      ...this.#state,
      last_scan_at: this.#lastScanAt,
      scans: this.#scans,
      waiting: this.#spool.waiting,
      quarantined: this.#spool.quarantined,
    };
  }

  #take(raw_value: string): void {
    const captured_at = new Date().toISOString();
    this.#lastScanAt = captured_at;
    try {
      this.#spool.add({ client_event_id: newUuid(), raw_value, captured_at });
    } catch (error) {
      this.#log.error({ err: error }, 'A scan could not be kept on disk; it waits in memory until it is recorded.');
    }
    this.#drain();
  }

  #drain(): void {
    if (!this.#running || this.#draining) return;
    clearTimeout(this.#timer);
    this.#draining = this.#drainAll().finally(() => {
      this.#draining = undefined;
      if (this.#running && this.#spool.waiting > 0 && this.#failures === 0) this.#drain();
    });
  }

  async #drainAll(): Promise<void> {
    for (let scan = this.#spool.first(); scan && this.#running; scan = this.#spool.first()) {
      try {
        const { status, asset } = await this.#record(scan);
        this.#spool.remove();
        this.#scans += 1;
        this.#failures = 0;
        this.#log.info({ status, asset_id: asset }, 'scan recorded');
      } catch (error) {
        if (!isFinal(error)) return this.#later(error);
        this.#spool.quarantine((error as Error).message);
        this.#log.error({ err: error }, 'A scan cannot be recorded; it is kept in the quarantine file.');
      }
    }
  }

  #later(error: unknown): void {
    const wait = waits[Math.min(this.#failures, waits.length - 1)]!;
    this.#failures += 1;
    if (this.#failures === 1) this.#log.warn({ err: error }, 'Scans wait on disk: they cannot be recorded now.');
    this.#timer = setTimeout(() => this.#drain(), wait);
  }

  #tell(state: ScannerState): void {
    const { code } = this.#state;
    this.#state = state;
    if (state.state === 'waiting' && state.code !== code) this.#log.warn({ code: state.code }, state.message);
    if (state.state === 'open') this.#log.info({ path: this.#device.path }, 'scanner open');
  }
}

/** A fault of the scan itself, which no later attempt cures. */
const isFinal = (error: unknown): boolean => error instanceof AppError && error.status === 400;
