/** Bytes of a scanner's line -> scanned texts. Knows no port and no clock of its own but what it is told. */
import type { DeviceSettings } from './settings.ts';

/** The most that one symbol holds (QR, version 40, digits). */
export const maxLength = 7_089;

export interface FramingEvents {
  scan(text: string): void;
  /** A line ran past `maxLength` and was dropped up to its end. */
  overflow(): void;
}

const cr = 0x0d;
const lf = 0x0a;

export class Framing {
  readonly #settings: DeviceSettings;
  readonly #events: FramingEvents;
  #line: number[] = [];
  #overflowing = false;
  #timer: NodeJS.Timeout | undefined;
  #last = { text: '', at: Number.NEGATIVE_INFINITY };

  constructor(settings: DeviceSettings, events: FramingEvents) {
    this.#settings = settings;
    this.#events = events;
  }

  /** Takes bytes as they come, in any cut. */
  push(bytes: Uint8Array): void {
    clearTimeout(this.#timer);
    for (const byte of bytes) {
      if (byte === cr || byte === lf) this.#end();
      else if (this.#line.length < maxLength) this.#line.push(byte);
      else this.#overflowing = true;
    }
    const { idle_timeout_ms: idle } = this.#settings;
    if (idle > 0 && this.#line.length > 0) this.#timer = setTimeout(() => this.#end(), idle);
  }

  /** The line was cut: half a code is no code. */
  reset(): void {
    clearTimeout(this.#timer);
    this.#line = [];
    this.#overflowing = false;
  }

  #end(): void {
    const bytes = Uint8Array.from(this.#line);
    const overflowing = this.#overflowing;
    this.reset();
    if (overflowing) {
      this.#events.overflow();
      return;
    }
    const text = cleaned(decoded(bytes), this.#settings);
    if (text === '' || this.#isRepeat(text)) return;
    this.#events.scan(text);
  }

  #isRepeat(text: string): boolean {
    const at = performance.now();
    const repeat = text === this.#last.text && at - this.#last.at < this.#settings.duplicate_window_ms;
    this.#last = { text, at };
    return repeat;
  }
}

/** UTF-8 where it is valid, else the scanner's 8-bit set taken as Latin-1. */
function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return Buffer.from(bytes).toString('latin1');
  }
}

/** Without prefix, suffix and control characters other than GS; the AIM identifier stays for the barcode service. */
function cleaned(line: string, { prefix, suffix, gs_substitute }: DeviceSettings): string {
  let text = line;
  if (prefix && text.startsWith(prefix)) text = text.slice(prefix.length);
  if (suffix && text.endsWith(suffix)) text = text.slice(0, -suffix.length);
  if (gs_substitute) text = text.replaceAll(gs_substitute, '\u001d');
  return text.replace(/[\u0000-\u001c\u001e\u001f\u007f]/g, '');
}
