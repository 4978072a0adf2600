/** One scanner and the service that records its scans: what it reads is on disk first, then recorded in order. */
import { join } from 'node:path';
import { newUuid } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { OpenScanner, Scanner, ScannerState } from '../devices/scanner.ts';
import { type DeviceSettings, deviceSettings } from '../devices/settings.ts';
import { mostScans } from '../domain/devices/modes.ts';
import { type Recorded, type RecordScans, soundOf } from './answer.ts';
import { isFinal, pauseAfter } from './patience.ts';
import { Spool, type SpooledScan, spoolOf } from './spool.ts';

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

/** Whoever shows what happens here. */
export interface Observer {
  recorded?(scan: SpooledScan, answer: Recorded): void;
  /** It can never be recorded and was put aside. */
  refused?(scan: SpooledScan, reason: string): void;
  /** The first of several failures. */
  delayed?(reason: string): void;
  state?(state: ScannerState): void;
}

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

/** An answer that comes later than this beeps no more, in ms. */
const attention = 5_000;
/** The most scans, and characters of them, that are recorded at once. */
const most = { scans: mostScans, size: 65_536 };

export class Station {
  readonly #device: Device;
  readonly #record: RecordScans;
  readonly #log: Log;
  readonly #observer: Observer;
  readonly #spool: Spool;
  readonly #settings: DeviceSettings;
  readonly #scanner: Scanner;
  #state: ScannerState = { state: 'opening' };
  #lastScanAt: string | null = null;
  #last: Recorded | undefined;
  #scans = 0;
  #failures = 0;
  /** Less than `most` after a failure: a faulty scan is to stand alone, and a slow server to have less at once. */
  #atOnce = most.scans;
  #soon: NodeJS.Immediate | undefined;
  #draining: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running = false;

  /** Throws Invalid when the device's settings are faulty. */
  constructor(
    device: Device,
    open: OpenScanner,
    record: RecordScans,
    spoolFolder: string,
    log: Log,
    observer: Observer = {},
  ) {
    const settings = deviceSettings.parse(device.settings);
    this.#device = device;
    this.#record = record;
    this.#observer = observer;
    this.#settings = settings;
    this.#log = log.child({ device: device.name, tenant_id: String(device.tenant) });
    this.#spool = new Spool(join(spoolFolder, device.spool ?? spoolOf(device.id)));
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

  /** Reads nothing more; what was read goes on being recorded. */
  unplug(): Promise<void> {
    return this.#scanner.stop();
  }

  /** What is not recorded by then stays on disk for the next start. */
  async stop(): Promise<void> {
    this.#running = false;
    clearTimeout(this.#timer);
    clearImmediate(this.#soon);
    await this.unplug();
    await this.#draining;
    try {
      this.#spool.close();
    } catch (error) {
      this.#log.error({ err: error }, 'The spool cannot be written; its file stays as it was.');
    }
  }

  get waiting(): number {
    return this.#spool.waiting;
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
    return isOver ? this.#settings.mode : (mode ?? this.#settings.mode);
  }

  #take(raw_value: string): void {
    const captured_at = new Date().toISOString();
    this.#lastScanAt = captured_at;
    try {
      this.#spool.add({ client_event_id: newUuid(), raw_value, captured_at });
    } catch (error) {
      this.#log.error({ err: error }, 'A scan could not be kept on disk; it waits in memory until it is recorded.');
    }
    // Codes that came together are synced together.
    this.#soon ??= setImmediate(() => {
      this.#soon = undefined;
      this.#sync();
      this.#drain();
    });
  }

  #sync(): void {
    try {
      this.#spool.sync();
    } catch (error) {
      this.#log.error({ err: error }, 'Scans may not be on disk yet: it does not confirm them.');
    }
  }

  #drain(): void {
    if (!this.#running || this.#draining) return;
    clearTimeout(this.#timer);
    this.#draining = this.#drainAll()
      .catch((error: unknown) => this.#later(error))
      .finally(() => {
        this.#draining = undefined;
        if (this.#running && this.#spool.waiting > 0 && this.#failures === 0) this.#drain();
      });
  }

  async #drainAll(): Promise<void> {
    while (this.#running && this.#spool.waiting > 0) {
      const scans = this.#spool.first(this.#atOnce, most.size);
      try {
        this.#answered(scans, await this.#record(scans, this.#spool.state));
        this.#atOnce = Math.min(this.#atOnce * 2, most.scans);
      } catch (error) {
        this.#atOnce = Math.max(1, scans.length >> 1);
        if (!isFinal(error)) return this.#later(error);
        if (scans.length === 1) this.#refuse(scans[0]!, error);
      }
    }
  }

  #refuse(scan: SpooledScan, error: Error): void {
    this.#spool.quarantine(error.message);
    this.#log.error({ err: error }, 'A scan cannot be recorded; it is kept in the quarantine file.');
    this.#observer.refused?.(scan, error.message);
    this.#beep(scan, 'refused');
  }

  /** For whoever still stands there. */
  #beep({ captured_at }: SpooledScan, outcome: string | undefined): void {
    if (Math.abs(Date.now() - Date.parse(captured_at)) > attention) return;
    const sound = soundOf(this.#settings, outcome);
    if (sound !== '') this.#scanner.send(Buffer.from(sound, 'latin1'));
  }

  #answered(scans: readonly SpooledScan[], answers: readonly Recorded[]): void {
    this.#last = answers.at(-1);
    this.#spool.remove(scans.length, this.#last?.state ?? null);
    this.#scans += scans.length;
    this.#failures = 0;
    for (const [index, scan] of scans.entries()) {
      const { status, asset, outcome, mode } = answers[index]!;
      this.#log.info({ status, asset_id: asset, outcome, mode }, 'scan recorded');
      this.#beep(scan, outcome);
      this.#observer.recorded?.(scan, answers[index]!);
    }
  }

  #later(error: unknown): void {
    const wait = pauseAfter(this.#failures, error);
    this.#failures += 1;
    if (this.#failures === 1) {
      this.#log.warn({ err: error }, 'Scans wait on disk: they cannot be recorded now.');
      this.#observer.delayed?.((error as Error).message);
    }
    if (this.#running) this.#timer = setTimeout(() => this.#drain(), wait);
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
