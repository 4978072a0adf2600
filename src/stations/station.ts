/** One scanner and the service that records its scans: what it reads is on disk first, then recorded in order. */
import { join } from 'node:path';
import { AppError, TooMany } from '../base/errors.ts';
import { newUuid } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { OpenScanner, Scanner, ScannerState } from '../devices/scanner.ts';
import { deviceSettings } from '../devices/settings.ts';
import { Spool, type SpooledScan } from './spool.ts';

export interface Device {
  id: number;
  /** The file that its scans wait in; named after its id unless said. */
  spool?: string;
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
  /** What became of it, and the sentence for whoever scans. */
  outcome?: string;
  message?: string;
  /** The scanner's mode after it, and when silence will end that. */
  mode?: string;
  mode_until?: string | null;
}

/** Whoever shows what happens here. */
export interface Observer {
  recorded?(scan: SpooledScan, answer: Recorded): void;
  /** It can never be recorded and was put aside. */
  refused?(scan: SpooledScan, reason: string): void;
  /** The first of several failures. */
  delayed?(reason: string): void;
  state?(state: ScannerState): void;
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
  /** What scans do now. */
  mode: string;
  /** What became of the last one that was recorded. */
  last_outcome: string | null;
}

/** Waits between attempts to record, in ms, the last for ever. */
const waits = [200, 500, 1_000, 2_000, 5_000];
/** The longest that a server may ask to be left alone, in seconds. */
const longest = 60;

export class Station {
  readonly #device: Device;
  readonly #record: RecordScan;
  readonly #log: Log;
  readonly #observer: Observer;
  readonly #spool: Spool;
  readonly #restingMode: string;
  readonly #scanner: Scanner;
  #state: ScannerState = { state: 'opening' };
  #lastScanAt: string | null = null;
  #last: Recorded | undefined;
  #scans = 0;
  #failures = 0;
  #draining: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running = false;

  /** Throws Invalid when the device's settings are faulty. */
  constructor(
    device: Device,
    open: OpenScanner,
    record: RecordScan,
    spoolFolder: string,
    log: Log,
    observer: Observer = {},
  ) {
    const settings = deviceSettings.parse(device.settings);
    this.#device = device;
    this.#record = record;
    this.#observer = observer;
    this.#restingMode = settings.mode;
    this.#log = log.child({ device: device.name, tenant_id: String(device.tenant) });
    this.#spool = new Spool(join(spoolFolder, device.spool ?? `device-${device.id}.jsonl`));
    this.#scanner = open(device.path, settings, {
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
      mode: this.#mode(),
      last_outcome: this.#last?.outcome ?? null,
    };
  }

  #mode(): string {
    const { mode, mode_until } = this.#last ?? {};
    const isOver = typeof mode_until === 'string' && Date.parse(mode_until) < Date.now();
    return isOver ? this.#restingMode : (mode ?? this.#restingMode);
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
        this.#answered(scan, await this.#record(scan));
      } catch (error) {
        if (!isFinal(error)) return this.#later(error);
        const { message } = error as Error;
        this.#spool.quarantine(message);
        this.#log.error({ err: error }, 'A scan cannot be recorded; it is kept in the quarantine file.');
        this.#observer.refused?.(scan, message);
      }
    }
  }

  #answered(scan: SpooledScan, answer: Recorded): void {
    this.#spool.remove();
    this.#last = answer;
    this.#scans += 1;
    this.#failures = 0;
    const { status, asset, outcome, mode } = answer;
    this.#log.info({ status, asset_id: asset, outcome, mode }, 'scan recorded');
    this.#observer.recorded?.(scan, answer);
  }

  #later(error: unknown): void {
    const asked = error instanceof TooMany ? Math.min(error.retryAfter ?? 0, longest) * 1_000 : 0;
    const wait = Math.max(waits[Math.min(this.#failures, waits.length - 1)]!, asked);
    this.#failures += 1;
    if (this.#failures === 1) {
      this.#log.warn({ err: error }, 'Scans wait on disk: they cannot be recorded now.');
      this.#observer.delayed?.((error as Error).message);
    }
    this.#timer = setTimeout(() => this.#drain(), wait);
  }

  #tell(state: ScannerState): void {
    const { code } = this.#state;
    this.#state = state;
    if (state.state === 'waiting' && state.code !== code) this.#log.warn({ code: state.code }, state.message);
    if (state.state === 'open') this.#log.info({ path: this.#device.path }, 'scanner open');
    if (state.state === 'open' && state.code) this.#log.warn({ code: state.code }, state.message);
    this.#observer.state?.(state);
  }
}

/** A fault of the scan itself, which no later attempt cures. */
const isFinal = (error: unknown): boolean => error instanceof AppError && finals.includes(error.status);
const finals = [400, 409, 413, 415, 422];
