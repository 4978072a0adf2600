/** A line that comes and goes. Absent, busy or denied are states; it tries again by itself, and at once on plug-in. */
import { existsSync, type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import { LineError, type Reason, type Scanner, type ScannerEvents } from './scanner.ts';

/** First waits between attempts, in ms; then a second for the first minute, then ten. */
const firstWaits = [250, 500];
const patientAfter = 60;
/** udev makes the node before its link and permissions, so an attempt follows a change after this long, in ms. */
const settle = 60;
/** A line that was open for less is no success: one that opens and breaks at once is not tried without a pause. In ms. */
const steady = 5_000;

/** An open line. */
export interface Line {
  close(): Promise<void>;
  /** Sends to the scanner, where the line goes both ways. Never throws; what is not taken is dropped. */
  send?(bytes: Uint8Array): void;
  /** It works, yet something should be known of it. */
  remark?: Reason | undefined;
}

export interface LineHooks {
  /** It is gone: unplugged unless told otherwise. */
  lost(reason?: Reason): void;
  /** Nothing more will ever come. */
  ended(): void;
}

/** What a kind of scanner adds: how its line is opened and what its failures mean. */
export interface LineDriver {
  /** What a person calls it in messages. */
  name: string;
  /** A change in the folder of this path may mean that the device has come. */
  watched?: string;
  open(hooks: LineHooks): Promise<Line>;
  /** For errors of the system and of libraries; a LineError speaks for itself. */
  reasonOf(error: Error): Reason;
  /** Forgets half a code. */
  reset(): void;
}

export class Reconnecting implements Scanner {
  readonly #driver: LineDriver;
  readonly #events: Pick<ScannerEvents, 'state'>;
  #line: Line | undefined;
  /** Tells whose hooks still count. */
  #turn: object | undefined;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer rings, when the last attempt began, and since when the line is open; by `performance.now`. */
  #due = Number.POSITIVE_INFINITY;
  #tried = 0;
  #openSince = 0;
  #attempts = 0;
  #running = false;
  #opening: Promise<void> | undefined;

  constructor(driver: LineDriver, events: Pick<ScannerEvents, 'state'>) {
    this.#driver = driver;
    this.#events = events;
  }

  start(): void {
    this.#running = true;
    this.#watch();
    this.#attempt();
  }

  async stop(): Promise<void> {
    this.#running = false;
    clearTimeout(this.#timer);
    this.#unwatch();
    this.#driver.reset();
    await this.#opening;
    const line = this.#line;
    this.#line = this.#turn = undefined;
    await line?.close();
    this.#events.state({ state: 'stopped' });
  }

  send(bytes: Uint8Array): void {
    this.#line?.send?.(bytes);
  }

  #attempt(): void {
    clearTimeout(this.#timer);
    this.#due = Number.POSITIVE_INFINITY;
    this.#tried = performance.now();
    if (!this.#running || this.#line || this.#opening) return;
    this.#opening = this.#open()
      .catch((error: Error) => this.#wait(error instanceof LineError ? error.reason : this.#driver.reasonOf(error)))
      .finally(() => {
        this.#opening = undefined;
      });
  }

  async #open(): Promise<void> {
    const turn = {};
    let over: (() => void) | undefined;
    let opened = false;
    this.#turn = turn;
    // It may be lost before its opening is known here.
    const when = (work: () => void) => () => {
      if (this.#turn !== turn) return;
      if (opened) work();
      else over ??= work;
    };
    const line = await this.#driver.open({
      lost: (reason) => when(() => this.#lost(reason))(),
      ended: when(() => this.#end()),
    });
    this.#line = line;
    opened = true;
    this.#openSince = performance.now();
    this.#events.state({ state: 'open', ...line.remark });
    over?.();
  }

  #lost(reason: Reason = missing(`${this.#driver.name} was unplugged. Plug it in again.`)): void {
    this.#drop();
    if (performance.now() - this.#openSince >= steady) this.#attempts = 0;
    if (this.#running) this.#wait(reason);
  }

  #end(): void {
    this.#drop();
    this.#unwatch();
    this.#events.state({ state: 'ended' });
  }

  #drop(): void {
    const line = this.#line;
    this.#line = this.#turn = undefined;
    this.#driver.reset();
    line?.close().catch(() => undefined);
  }

  #wait(reason: Reason): void {
    if (!this.#running) return;
    this.#events.state({ state: 'waiting', ...reason });
    const later = this.#attempts < patientAfter ? 1_000 : 10_000;
    const wait = (firstWaits[this.#attempts] ?? later) * (0.9 + Math.random() * 0.2);
    this.#attempts += 1;
    this.#watch();
    this.#attemptIn(wait);
  }

  /** The earlier of two counts: a folder that is written to all the time must not put an attempt off for ever. */
  #attemptIn(wait: number): void {
    const due = performance.now() + wait;
    if (due >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => this.#attempt(), wait);
  }

  /** The folder that the path is in, or the nearest above it: /dev/serial/by-id goes with its last device. */
  #watch(): void {
    this.#unwatch();
    const { watched } = this.#driver;
    if (watched === undefined) return;
    try {
      this.#watcher = watch(nearestFolder(watched), () => {
        if (!this.#running || this.#line || this.#opening) return;
        this.#attemptIn(Math.max(settle, this.#tried + firstWaits[0]! - performance.now()));
      });
      // The timer finds the device all the same.
      this.#watcher.on('error', () => this.#unwatch());
    } catch {
      this.#unwatch();
    }
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}

export const missing = (message: string): Reason => ({ code: 'DEVICE_MISSING', message });

function nearestFolder(path: string): string {
  const folder = dirname(path);
  return folder === path || existsSync(folder) ? folder : nearestFolder(folder);
}
