/** A scanner on a serial line (RS-232, USB CDC, pty). Absent, busy or denied are states; it tries again by itself. */
import { existsSync, type FSWatcher, realpathSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { SerialPort } from 'serialport';
import { Framing } from './framing.ts';
import type { OpenScanner, Scanner, ScannerEvents, ScannerState } from './scanner.ts';
import type { DeviceSettings } from './settings.ts';

/** First waits between attempts, in ms; then a second for the first minute, then ten. */
const firstWaits = [250, 500];
const patientAfter = 60;
/** udev makes the node before its link and permissions, so an attempt follows a change after this long, in ms. */
const settle = 60;
/** How often an open line's device node is looked for, in ms: after a hang-up the driver may read nothing for ever. */
const presence = 1_000;

export const openSerial: OpenScanner = (path, settings, events) => new SerialScanner(path, settings, events);

export class SerialScanner implements Scanner {
  readonly #path: string;
  readonly #settings: DeviceSettings;
  readonly #events: ScannerEvents;
  readonly #framing: Framing;
  #port: SerialPort | undefined;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #guard: NodeJS.Timeout | undefined;
  #attempts = 0;
  #running = false;
  #opening: Promise<void> = Promise.resolve();

  constructor(path: string, settings: DeviceSettings, events: ScannerEvents) {
    this.#path = path;
    this.#settings = settings;
    this.#events = events;
    this.#framing = new Framing(settings, events);
  }

  start(): void {
    this.#running = true;
    this.#watch();
    this.#attempt();
  }

  async stop(): Promise<void> {
    this.#running = false;
    clearTimeout(this.#timer);
    clearInterval(this.#guard);
    this.#watcher?.close();
    this.#framing.reset();
    await this.#opening;
    const port = this.#port;
    this.#port = undefined;
    if (port?.isOpen) await new Promise<void>((resolve) => port.close(() => resolve()));
    this.#events.state({ state: 'stopped' });
  }

  #attempt(): void {
    clearTimeout(this.#timer);
    if (!this.#running || this.#port) return;
    this.#opening = this.#open().catch((error: Error) => this.#wait(reasonOf(error, this.#path)));
  }

  async #open(): Promise<void> {
    const { SerialPort } = await import('serialport');
    const { baud_rate: baudRate, data_bits: dataBits, stop_bits: stopBits, parity } = this.#settings;
    const port = new SerialPort({ path: this.#path, baudRate, dataBits, stopBits, parity, autoOpen: false });
    this.#port = port;
    try {
      await new Promise<void>((resolve, reject) => port.open((error) => (error ? reject(error) : resolve())));
    } catch (error) {
      this.#port = undefined;
      throw error;
    }
    this.#attempts = 0;
    port.on('data', (bytes: Buffer) => this.#framing.push(bytes));
    port.on('close', () => this.#lost(port));
    // A read error is followed by a close; both mean unplugged.
    port.on('error', () => this.#lost(port));
    this.#keepWatchOf(port);
    this.#events.state({ state: 'open' });
  }

  /** serialport reads on and on when a line ends with nothing instead of an error, and tells nobody. */
  #keepWatchOf(port: SerialPort): void {
    const node = nodeOf(this.#path);
    clearInterval(this.#guard);
    this.#guard = setInterval(() => node && !existsSync(node) && this.#lost(port), presence);
  }

  #lost(port: SerialPort): void {
    if (this.#port !== port) return;
    this.#port = undefined;
    clearInterval(this.#guard);
    this.#framing.reset();
    if (port.isOpen) port.close(() => undefined);
    if (this.#running)
      this.#wait({ code: 'DEVICE_MISSING', message: `${this.#path} was unplugged. Plug it in again.` });
  }

  #wait(reason: { code: string; message: string }): void {
    if (!this.#running) return;
    this.#events.state({ state: 'waiting', ...reason } satisfies ScannerState);
    const steady = this.#attempts < patientAfter ? 1_000 : 10_000;
    const wait = (firstWaits[this.#attempts] ?? steady) * (0.9 + Math.random() * 0.2);
    this.#attempts += 1;
    if (!this.#watcher) this.#watch();
    this.#timer = setTimeout(() => this.#attempt(), wait);
  }

  /** The folder that the path is in, wherever that is: a device that appears is opened at once. */
  #watch(): void {
    try {
      this.#watcher = watch(dirname(this.#path), () => {
        if (!this.#running || this.#port) return;
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#attempt(), settle);
      });
      // /dev/serial/by-id goes with its last device; the timer finds it again.
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

/** The device node behind the path, whose link may go and come while the device stays. */
function nodeOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function reasonOf(error: Error, path: string): { code: string; message: string } {
  const text = error.message;
  if (/no such file|ENOENT|ENXIO|no such device/i.test(text))
    return { code: 'DEVICE_MISSING', message: `${path} is not there. Plug the scanner in, or correct its path.` };
  if (/lock port|temporarily unavailable|EBUSY|resource busy/i.test(text))
    return { code: 'DEVICE_BUSY', message: `Another program has ${path} open. Stop it.` };
  if (/permission denied|EACCES|EPERM/i.test(text))
    return {
      code: 'DEVICE_DENIED',
      message: `This user may not open ${path}. Add it to the group dialout and start again.`,
    };
  return {
    code: 'DEVICE_FAILED',
    message: `${path} cannot be opened as a serial line: ${text.replace(/^Error: /, '')}`,
  };
}
