/** Bytes of a scanner's line -> codes. Knows no port and no clock of its own but what it is told. */
import { maxLength, Reading } from './reading.ts';
import type { DeviceSettings } from './settings.ts';

export { maxLength } from './reading.ts';

export interface FramingEvents {
  scan(text: string): void;
  /** A line ran past `maxLength` and was dropped up to its end. */
  overflow(): void;
}

const cr = 0x0d;
const lf = 0x0a;
const tab = 0x09;

export class Framing {
  readonly #settings: DeviceSettings;
  readonly #events: FramingEvents;
  readonly #reading: Reading;
  readonly #ends: ReadonlySet<number>;
  #line: number[] = [];
  #overflowing = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(settings: DeviceSettings, events: FramingEvents) {
    this.#settings = settings;
    this.#events = events;
    this.#reading = new Reading(settings, events);
    this.#ends = new Set(settings.suffix.endsWith('\t') ? [cr, lf, tab] : [cr, lf]);
  }

  /** Takes bytes as they come, in any cut. */
  push(bytes: Uint8Array): void {
    clearTimeout(this.#timer);
    for (const byte of bytes) {
      if (this.#ends.has(byte)) this.end();
      else if (this.#line.length < maxLength) this.#line.push(byte);
      else this.#overflowing = true;
    }
    const { idle_timeout_ms: idle } = this.#settings;
    if (idle > 0 && this.#line.length > 0) this.#timer = setTimeout(() => this.end(), idle);
  }

  /** The line was cut: half a code is no code. */
  reset(): void {
    clearTimeout(this.#timer);
    this.#line = [];
    this.#overflowing = false;
  }

  /** What has come since the last end is one code. */
  end(): void {
    const bytes = Uint8Array.from(this.#line);
    const overflowing = this.#overflowing;
    this.reset();
    if (overflowing) this.#events.overflow();
    else this.#reading.take(bytes);
  }
}
