/** The wall clock of a daemon, moved while it runs; its monotonic clocks and timers stay. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const preload = join(import.meta.dirname, 'clock-preload.mjs');

export class Clock {
  #folder = '';

  start(): this {
    this.#folder = mkdtempSync(join(tmpdir(), 'assetra-clock-'));
    this.set(0);
    return this;
  }

  /** For the daemon's environment. */
  get env(): Record<string, string> {
    return { NODE_OPTIONS: `--import ${pathToFileURL(preload).href}`, TEST_CLOCK_FILE: this.#file };
  }

  /** How far from the real time the daemon's is from now on, in ms; it notices within 20 ms. */
  set(offset: number): void {
    // Renamed, so that the daemon never reads half a number.
    writeFileSync(`${this.#file}.new`, String(offset));
    renameSync(`${this.#file}.new`, this.#file);
  }

  stop(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #file(): string {
    return join(this.#folder, 'offset');
  }
}
