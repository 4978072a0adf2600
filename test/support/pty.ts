/** A serial line without hardware: a socat pty pair. The scanner's end is written to; the daemon opens the other. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Pty {
  folder: string;
  /** What the daemon is told to open. */
  path: string;
  plug(): Promise<void>;
  /** Pulls the plug: both ends vanish at once. */
  unplug(): Promise<void>;
  /** What the scanner sends. */
  send(text: string | Uint8Array): Promise<void>;
  remove(): Promise<void>;
}

export function createPty(): Pty {
  const folder = mkdtempSync(join(tmpdir(), 'assetra-pty-'));
  const path = join(folder, 'scanner');
  const host = join(folder, 'host');
  let socat: ChildProcess | undefined;
  const plug = async () => {
    socat = spawn('socat', [`pty,raw,echo=0,link=${path}`, `pty,raw,echo=0,link=${host}`], { stdio: 'ignore' });
    const failed = new Promise<never>((_, reject) =>
      socat!.once('error', () => reject(new Error('socat is missing: apt-get install socat'))),
    );
    await Promise.race([failed, until(() => existsSync(path) && existsSync(host), 'the pty to appear')]);
  };
  const unplug = async () => {
    const running = socat;
    socat = undefined;
    // It ends by itself when it finds both ends closed: then no further exit is to come.
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGTERM');
    await gone;
  };
  const send = async (text: string | Uint8Array) => {
    const file = await open(host, 'r+');
    try {
      await file.write(Buffer.from(text as string));
    } finally {
      await file.close();
    }
  };
  const remove = async () => {
    await unplug();
    rmSync(folder, { recursive: true, force: true });
  };
  return { folder, path, plug, unplug, send, remove };
}

/** Waits for a condition; throws naming it after ten seconds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  patience = 10_000,
): Promise<void> {
  const end = Date.now() + patience;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`Waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
