/** Bytes for a ZPL printer -> labels and commands that act at once. What has not ended is kept for what comes next. */
export interface ReaderEvents {
  /** From ^XA to ^XZ. */
  label(zpl: string): void;
  /** `~HS` and the like. */
  command(name: string): void;
}

const immediate = /^~(HS|HI|HQES|JA|JC|JR|JX|PS|PP)/i;
/** A label of a size that no printer would hold. */
const mostKept = 4 * 1024 * 1024;

export class FormatReader {
  readonly #events: ReaderEvents;
  #kept = '';

  constructor(events: ReaderEvents) {
    this.#events = events;
  }

  /** A label has begun and has not ended. */
  get partial(): boolean {
    return this.#kept.includes('^XA');
  }

  push(bytes: Buffer): void {
    this.#kept += bytes.toString('latin1');
    while (this.#step());
    if (this.#kept.length > mostKept) this.forget();
  }

  forget(): void {
    this.#kept = '';
  }

  /** One command or label; false when there is none that is whole. */
  #step(): boolean {
    const tilde = this.#kept.indexOf('~');
    const end = this.#kept.indexOf('^XZ');
    if (tilde >= 0 && (end < 0 || tilde < end)) return this.#command(tilde);
    if (end < 0) return false;
    const text = this.#kept.slice(0, end + 3);
    this.#kept = this.#kept.slice(end + 3);
    const begin = text.indexOf('^XA');
    if (begin >= 0) this.#events.label(text.slice(begin));
    return true;
  }

  #command(at: number): boolean {
    const found = immediate.exec(this.#kept.slice(at, at + 6));
    // Only the beginning of one has come.
    if (!found && this.#kept.length < at + 5 && !/[\r\n]/.test(this.#kept.slice(at))) return false;
    const length = found?.[0].length ?? 1;
    const name = found?.[1]?.toUpperCase();
    const before = name === 'JX' || name === 'JA' ? '' : this.#kept.slice(0, at);
    this.#kept = before + this.#kept.slice(at + length);
    if (name) this.#events.command(name);
    return true;
  }
}
