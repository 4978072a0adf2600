/** Scans on disk before anything else: one JSON line each, gone once recorded. Survives kill -9 at any byte. */
import {
  appendFileSync,
  closeSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { ConfigError } from '../base/errors.ts';
import { ModeState } from '../domain/devices/modes.ts';

const Entry = z.object({
  /** UUID: the same scan recorded twice is one. */
  client_event_id: z.string(),
  raw_value: z.string(),
  /** RFC 3339 UTC. */
  captured_at: z.string(),
  /** With the first of a file: the state that it meets, so that a restart does with what waits what would have been done. */
  state: ModeState.nullable().catch(null).optional(),
});
export type SpooledScan = Omit<z.output<typeof Entry>, 'state'>;

export class Spool {
  readonly #path: string;
  #waiting: SpooledScan[] = [];
  #state: ModeState | null = null;
  #file: number | undefined;
  /** The file has no line. */
  #blank = true;
  /** The file lacks some of what waits, or is not synced. */
  #behind = false;
  #unsynced = false;
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

  /** The mode that the first meets. */
  get state(): ModeState | null {
    return this.#state;
  }

  /** Reads what a former run left. ConfigError when the file can be neither read nor written. */
  open(): void {
    try {
      this.#open();
    } catch (error) {
      const { message } = error as Error;
      throw new ConfigError(`Scans cannot be kept in ${this.#path} (${message}). Mend the folder or its owner.`, {
        cause: error,
      });
    }
  }

  #open(): void {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    this.#quarantined = linesOf(readIfThere(`${this.#path}.quarantine`)).length;
    const { entries, broken } = entriesOf(readIfThere(this.#path));
    this.#state = entries[0]?.state ?? null;
    this.#waiting = entries.map(({ state: _, ...scan }) => scan);
    try {
      for (const line of broken) this.#putAside({ line, reason: 'This line of the spool cannot be read as a scan.' });
      this.#rewrite();
    } catch {
      // A full disk lets nothing be written anew; what is there still counts.
      this.#file = openSync(this.#path, 'a', 0o600);
      this.#blank = false;
    }
  }

  /** Throws when the disk takes no more; the scan then waits in memory, and goes to disk with the next one that can. */
  add(scan: SpooledScan): void {
    this.#waiting.push(scan);
    if (this.#behind) {
      this.#rewrite();
      return;
    }
    this.#behind = this.#unsynced = true;
    // The newline before it closes a line that a full disk has cut.
    appendFileSync(this.#file!, `\n${this.#lineOf(scan)}`);
    this.#behind = this.#blank = false;
  }

  /** Afterwards a power cut takes nothing that was added. */
  sync(): void {
    if (!this.#unsynced || this.#file === undefined) return;
    fsyncSync(this.#file);
    this.#unsynced = false;
  }

  /** The first ones, at least one, of no more characters than `size`. */
  first(count: number, size: number): SpooledScan[] {
    let room = size;
    const fits = ({ raw_value }: SpooledScan, index: number) => {
      room -= raw_value.length;
      return index === 0 || room >= 0;
    };
    const some = this.#waiting.slice(0, count);
    const end = some.findIndex((scan, index) => !fits(scan, index));
    return end < 0 ? some : some.slice(0, end);
  }

  /** So many are recorded and led to that state. The file shrinks when it is empty: until then a repeat is harmless. */
  remove(count: number, state: ModeState | null): void {
    this.#waiting.splice(0, count);
    this.#state = state;
    if (this.#waiting.length > 0 || this.#file === undefined) return;
    ftruncateSync(this.#file, 0);
    this.#blank = true;
    this.#behind = false;
  }

  /** The first can never be recorded: it is kept aside with its reason for a person to look at. */
  quarantine(reason: string): void {
    this.#putAside({ ...this.#waiting[0], reason });
    this.remove(1, this.#state);
  }

  close(): void {
    if (this.#file === undefined) return;
    try {
      if (this.#waiting.length > 0) this.#rewrite();
    } finally {
      closeSync(this.#file);
      this.#file = undefined;
    }
  }

  #putAside(what: object): void {
    const file = openSync(`${this.#path}.quarantine`, 'a', 0o600);
    try {
      appendFileSync(file, `${JSON.stringify(what)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    this.#quarantined += 1;
  }

  #lineOf(scan: SpooledScan): string {
    return `${JSON.stringify(this.#blank ? { ...scan, state: this.#state } : scan)}\n`;
  }

  /** What waits, and no more, put in place in one step. */
  #rewrite(): void {
    const draft = `${this.#path}.new`;
    // Appending: what comes after a cut to nothing begins at the start.
    const file = openSync(draft, 'a', 0o600);
    try {
      ftruncateSync(file, 0);
      const [head, ...rest] = this.#waiting;
      const lines = head ? [{ ...head, state: this.#state }, ...rest] : [];
      appendFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      fsyncSync(file);
      renameSync(draft, this.#path);
      syncFolder(dirname(this.#path));
    } catch (error) {
      closeSync(file);
      rmSync(draft, { force: true });
      throw error;
    }
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = file;
    this.#blank = this.#waiting.length === 0;
    this.#behind = this.#unsynced = false;
  }
}

/** Without it a power cut may bring the file of before back. */
function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Files of that kind with scans that nobody will record: not those of the list. */
export function leftOver(folder: string, kind: 'device' | 'host', own: readonly string[]): string[] {
  return namesIn(folder)
    .filter((name) => name.startsWith(`${kind}-`) && name.endsWith('.jsonl') && !own.includes(name))
    .map((name) => join(folder, name))
    .filter((path) => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Where the scans of a daemon's own device wait. */
export const spoolOf = (id: number): string => `device-${id}.jsonl`;

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');

/** A last line without its end is what a crash cut before it was acknowledged: no scan, and no fault either. */
function entriesOf(text: string): { entries: z.output<typeof Entry>[]; broken: string[] } {
  const cut = text.slice(text.lastIndexOf('\n') + 1);
  const entries: z.output<typeof Entry>[] = [];
  const broken: string[] = [];
  for (const line of linesOf(text)) {
    const entry = entryOf(line);
    if (entry) entries.push(entry);
    else if (line !== cut) broken.push(line);
  }
  return { entries, broken };
}

function entryOf(line: string): z.output<typeof Entry> | undefined {
  try {
    return Entry.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
