/** `assetra simulate scanner` in a process of its own, and what may befall it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { program } from '../cli/spawn.ts';
import { until } from './pty.ts';

export class SimulatedScanner {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #err = '';
  /** Codes that the line has taken so far; not each has reached its reader. */
  typed = 0;

  constructor(args: string[]) {
    // A group of its own: the plug is pulled from all of it at once.
    this.#child = spawn(process.execPath, [program, 'simulate', 'scanner', '--json', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH },
      detached: true,
    });
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.typed += text.split('\n').length - 1;
    });
    this.#child.stderr!.setEncoding('utf8').on('data', (text) => {
      this.#err += text;
    });
    this.#ended = once(this.#child, 'close').then(([code]) => code);
  }

  /** Such as `tcp://127.0.0.1:4001`, once the line is there. */
  async address(): Promise<string> {
    const found = () => /A scanner is at (\S+)\. It/.exec(this.#err)?.[1];
    await until(() => found() !== undefined || this.#child.exitCode !== null, 'the line to be there');
    const address = found();
    if (!address) throw new Error(`assetra simulate scanner ended: ${this.#err}`);
    return address;
  }

  /** When all is typed; resolves to the exit code. */
  get ended(): Promise<number | null> {
    return this.#ended;
  }

  /** In the middle of whatever it types. */
  async unplug(): Promise<void> {
    try {
      process.kill(-this.#child.pid!, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
    await this.#ended;
  }
}
