/** The Kotlin compiler and the Android client as a child process; what a machine lacks for them is told by name. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { packageRoot } from '../../src/base/paths.ts';
import { spawned } from '../cli/spawn.ts';

const onPath = (command: string): string | undefined =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, command))
    .find((file) => existsSync(file));

/** org.json as Android has it: Debian's libandroid-json-java. */
const json = '/usr/share/java/com.android.json.jar';

function standardLibrary(): string | undefined {
  const compiler = onPath('kotlinc');
  const beside = compiler ? [join(dirname(realpathSync(compiler)), '../lib/kotlin-stdlib.jar')] : [];
  return [...beside, '/usr/share/java/kotlin-stdlib.jar'].find((file) => existsSync(file));
}

/** Undefined when all is there. */
export function lacking(): string | undefined {
  const packages = [
    onPath('kotlinc') && standardLibrary() ? [] : ['kotlin'],
    onPath('java') ? [] : ['openjdk-17-jre-headless'],
    existsSync(json) ? [] : ['libandroid-json-java'],
  ].flat();
  return packages.length > 0 ? `without ${packages.join(', ')}` : undefined;
}

/** Compiles the client with the device of these tests into the folder; any warning of its own fails. */
export async function compile(folder: string): Promise<void> {
  const sources = ['mobile/android/src/main/kotlin', 'test/mobile/kotlin'].flatMap((root) =>
    readdirSync(join(packageRoot, root), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.kt'))
      .map((name) => join(packageRoot, root, name)),
  );
  const args = ['-Werror', '-jvm-target', '1.8', '-cp', json, '-d', folder, ...sources];
  const { code, stdout, stderr } = await spawned(onPath('kotlinc')!, args);
  if (code !== 0) throw new Error(`kotlinc: ${stdout}${stderr}`);
}

export interface DeviceOptions {
  address: string;
  name: string;
  /** Items of one request. */
  batch?: number;
  /** Assets of one page. */
  limit?: number;
  /** By how many ms its clock is wrong. */
  skew?: number;
  /** How many ms it sleeps through whenever it has looked at its clock. */
  sleeps?: number;
}

// biome-ignore lint/suspicious/noExplicitAny: tests read what they expect.
type Answer = any;

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

/** What it has stored stays in its folder when it is killed. */
export class Device {
  readonly #classes: string;
  readonly #options: Required<DeviceOptions>;
  readonly folder: string;
  #child!: ChildProcessWithoutNullStreams;
  #waiting: Waiting[] = [];

  constructor(classes: string, folder: string, options: DeviceOptions) {
    this.#classes = classes;
    this.folder = folder;
    this.#options = { batch: 500, limit: 500, skew: 0, sleeps: 0, ...options };
  }

  get journal(): string {
    return join(this.folder, 'sync.journal');
  }

  start(): this {
    mkdirSync(this.folder, { recursive: true });
    const classPath = [this.#classes, standardLibrary()!, json].join(delimiter);
    const { address, name, batch, limit, skew, sleeps } = this.#options;
    const args = [this.folder, address, 'plant-1', name, batch, limit, skew, sleeps].map(String);
    const child = spawn(onPath('java')!, ['-Xmx128m', '-XX:+UseSerialGC', '-cp', classPath, 'DeviceKt', ...args]);
    const waiting: Waiting[] = [];
    let err = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      err += text;
    });
    child.stdin.on('error', () => undefined);
    createInterface(child.stdout).on('line', (line) => waiting.shift()?.resolve(JSON.parse(line)));
    child.on('close', () => {
      for (const one of waiting.splice(0)) one.reject(new Error(`The device ended: ${err}`));
    });
    this.#child = child;
    this.#waiting = waiting;
    return this;
  }

  /** Rejects when it ends instead of answering. */
  ask(command: string, more: object = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.stdin.write(`${JSON.stringify({ do: command, ...more })}\n`);
    });
  }

  /** Captures one; resolves to its client_event_id. */
  async scan(raw_value: string): Promise<string> {
    return (await this.ask('scan', { raw_value, symbology: 'code128' })).id;
  }

  async scanMany(raw_value: string, count: number): Promise<string[]> {
    const ids: string[] = [];
    while (ids.length < count) ids.push(await this.scan(raw_value));
    return ids;
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }

  /** As when the battery comes back. */
  async restart(): Promise<void> {
    await this.kill();
    this.start();
  }
}
