/** The built program as a site runs it: `bin/assetra serve` in a process of its own, and what may befall that process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { program } from '../../cli/spawn.ts';
import { until } from '../pty.ts';

export interface DaemonOptions {
  /** `work` has no address; it is there once it says `working`. */
  command?: 'serve' | 'work';
  /** More of `serve`'s flags. */
  flags?: string[];
  /** Added to an environment without any of Assetra's variables. */
  env?: Record<string, string>;
}

export class Daemon {
  readonly #dir: string;
  readonly #options: Required<DaemonOptions>;
  #child: ChildProcess | undefined;
  #ended: Promise<number | null> = Promise.resolve(null);
  #out = '';
  #err = '';
  /** Such as `http://127.0.0.1:8000`; stays the same over restarts. */
  address = '';

  constructor(dir: string, { command = 'serve', flags = [], env = {} }: DaemonOptions = {}) {
    this.#dir = dir;
    this.#options = { command, flags, env };
  }

  /** Resolves once it listens. Throws what it printed when it ends instead. */
  async start(): Promise<this> {
    const { command } = this.#options;
    const port = this.address === '' ? '0' : new URL(this.address).port;
    const args = [
      command,
      '--dir',
      this.#dir,
      ...(command === 'serve' ? ['--port', port] : []),
      ...this.#options.flags,
    ];
    const env = { PATH: process.env.PATH, ...this.#options.env };
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
    this.#child = child;
    this.#out = this.#err = '';
    child.stdout!.setEncoding('utf8').on('data', (text) => {
      this.#out += text;
    });
    child.stderr!.setEncoding('utf8').on('data', (text) => {
      this.#err += text;
    });
    this.#ended = once(child, 'close').then(([code]) => code);
    await until(() => this.#ready() !== undefined || !this.running, 'the daemon to be ready', 30_000);
    const ready = this.#ready();
    if (!ready) throw new Error(`The daemon ended: ${this.#err || this.#out}`);
    this.address = ready.address ?? '';
    return this;
  }

  get running(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** Whole lines of standard output since the last start. */
  lines(): string[] {
    return this.#out.split('\n').slice(0, -1);
  }

  /** Standard error since the last start. */
  errors(): string {
    return this.#err;
  }

  /** Sends the signal; resolves to the exit code, null when the signal itself ended it. */
  end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.running) this.#child!.kill(signal);
    return this.#ended;
  }

  /** As a power cut ends it. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** In order; resolves to the exit code. */
  stop(): Promise<number | null> {
    return this.end('SIGTERM');
  }

  /** Ends it by the signal and starts it again on the same port. */
  async restart(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.end(signal);
    await this.start();
  }

  freeze(): void {
    this.#child!.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child!.kill('SIGCONT');
  }

  #ready(): { address?: string } | undefined {
    const line = this.lines().find((text) => text.includes('"listening"') || text.includes('"working"'));
    return line && JSON.parse(line);
  }
}
