/** Scans on disk before anything else: one JSON line each, synced, gone once recorded. Survives kill -9 at any byte. */
import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export interface SpooledScan {
  /** UUID: the same scan recorded twice is one. */
  client_event_id: string;
  raw_value: string;
  /** RFC 3339 UTC. */
  captured_at: string;
}

export class Spool {
  readonly #path: string;
  #waiting: SpooledScan[] = [];
  #file: number | undefined;
  #quarantined = 0;

  constructor(path: string) {
    this.#path = path;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Put aside since the quarantine file was last deleted. */
  get quarantined(): number {
    return this.#quarantined;
  }

  /** Reads what a former run left; a last line that a crash cut is no scan yet, since it was not acknowledged. */
  open(): void {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    this.#waiting = entriesOf(readIfThere(this.#path));
    this.#quarantined = entriesOf(readIfThere(`${this.#path}.quarantine`)).length;
    this.#rewrite();
  }

  /** Throws when the disk takes no more; the scan then waits in memory alone. */
  add(scan: SpooledScan): void {
    this.#waiting.push(scan);
    // The newline before it closes a line that a full disk has cut.
    writeSync(this.#file!, `\n${JSON.stringify(scan)}\n`);
    fsyncSync(this.#file!);
  }

  first(): SpooledScan | undefined {
    return this.#waiting[0];
  }

  /** The first is recorded. The file shrinks when it is empty: until then a repeat is harmless. */
  remove(): void {
    this.#waiting.shift();
    if (this.#waiting.length === 0 && this.#file !== undefined) ftruncateSync(this.#file, 0);
  }

  /** The first can never be recorded: it is kept aside with its reason for a person to look at. */
  quarantine(reason: string): void {
    const file = openSync(`${this.#path}.quarantine`, 'a', 0o600);
    writeSync(file, `${JSON.stringify({ ...this.#waiting[0], reason })}\n`);
    fsyncSync(file);
    closeSync(file);
    this.#quarantined += 1;
    this.remove();
  }

  close(): void {
    if (this.#file === undefined) return;
    if (this.#waiting.length > 0) this.#rewrite();
    closeSync(this.#file);
    this.#file = undefined;
  }

  /** What waits, and no more, put in place in one step. */
  #rewrite(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    const draft = `${this.#path}.new`;
    this.#file = openSync(draft, 'w', 0o600);
    writeSync(this.#file, this.#waiting.map((scan) => `${JSON.stringify(scan)}\n`).join(''));
    fsyncSync(this.#file);
    renameSync(draft, this.#path);
    closeSync(this.#file);
    this.#file = openSync(this.#path, 'a', 0o600);
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

function entriesOf(text: string): SpooledScan[] {
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as SpooledScan];
    } catch {
      return [];
    }
  });
}
