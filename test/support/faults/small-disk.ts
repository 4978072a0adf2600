/** A disk of a few MB that can be filled to the brim: a tmpfs on a temporary folder. Needs root. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class SmallDisk {
  readonly #megabytes: number;
  folder = '';

  constructor(megabytes: number) {
    this.#megabytes = megabytes;
  }

  start(): this {
    this.folder = mkdtempSync(join(tmpdir(), 'assetra-disk-'));
    mount('-t', 'tmpfs', '-o', `size=${this.#megabytes}m`, 'tmpfs', this.folder);
    return this;
  }

  /** Bytes that can still be written. */
  get room(): number {
    const { bavail, bsize } = statfsSync(this.folder);
    return bavail * bsize;
  }

  /** Until not a page is left. May be called again for what was freed since. */
  fill(): void {
    const file = openSync(this.#filler, 'a');
    try {
      for (let size = 256 * 1024; size >= 4096; ) if (!wrote(file, size)) size /= 2;
    } finally {
      closeSync(file);
    }
  }

  /** Takes away what `fill` wrote. */
  free(): void {
    rmSync(this.#filler, { force: true });
  }

  /** Refused by the system while a file there is open for writing. */
  readOnly(on: boolean): void {
    mount('-o', `remount,${on ? 'ro' : 'rw'}`, this.folder);
  }

  stop(): void {
    execFileSync('umount', [this.folder], { stdio: 'pipe' });
    rmdirSync(this.folder);
  }

  get #filler(): string {
    return join(this.folder, 'filler');
  }
}

function wrote(file: number, size: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(size)) === size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}

function mount(...args: string[]): void {
  execFileSync('mount', args, { stdio: 'pipe' });
}

/** Why no small disk can be had here, or undefined. */
export function noSmallDisk(): string | undefined {
  const disk = new SmallDisk(1);
  try {
    disk.start().stop();
    return undefined;
  } catch (error) {
    if (disk.folder) rmSync(disk.folder, { recursive: true, force: true });
    return `mount: ${(error as Error).message.split('\n').at(-1) || 'not permitted'}`;
  }
}
