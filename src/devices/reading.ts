/** What a scanner sent for one code -> the scanned text. */
import type { DeviceSettings } from './settings.ts';

/** The most that one symbol holds (QR, version 40, digits). */
export const maxLength = 7_089;

const aimIdentifier = /^\][A-Za-z][0-9A-Za-z]/;

export class Reading {
  readonly #settings: DeviceSettings;
  readonly #scan: (text: string) => void;
  #last = { text: '', at: Number.NEGATIVE_INFINITY };

  constructor(settings: DeviceSettings, events: { scan(text: string): void }) {
    this.#settings = settings;
    this.#scan = (text) => events.scan(text);
  }

  /** One whole code; nothing and a repeat within the duplicate window are no scan. */
  take(bytes: Uint8Array): void {
    const text = cleaned(decoded(bytes), this.#settings);
    if (text === '' || this.#isRepeat(text)) return;
    this.#scan(text);
  }

  #isRepeat(text: string): boolean {
    const at = performance.now();
    const repeat = text === this.#last.text && at - this.#last.at < this.#settings.duplicate_window_ms;
    this.#last = { text, at };
    return repeat;
  }
}

/** UTF-8 where it is valid, without the mark that some begin with, else the scanner's 8-bit set taken as Latin-1. */
function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return Buffer.from(bytes).toString('latin1');
  }
}

/** Without prefix, suffix and control characters other than GS. Makers put the prefix before the AIM identifier or after it. */
function cleaned(line: string, { prefix, suffix, gs_substitute, aim }: DeviceSettings): string {
  const unprefixed = (text: string) => (prefix && text.startsWith(prefix) ? text.slice(prefix.length) : text);
  let text = unprefixed(line);
  const identifier = aimIdentifier.exec(text)?.[0] ?? '';
  const rest = text.slice(identifier.length);
  text = (aim === 'keep' ? identifier : '') + (text === line ? unprefixed(rest) : rest);
  // What ends a line is gone already.
  const end = suffix.replace(/[\r\n\t]+$/, '');
  if (end && text.endsWith(end)) text = text.slice(0, -end.length);
  if (gs_substitute) text = text.replaceAll(gs_substitute, '\u001d');
  return text.replace(/[\u0000-\u001c\u001e\u001f\u007f]/g, '');
}
