/** Runs the built program as a person would, and waits for its end. */
import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../src/base/paths.ts';

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface SpawnOptions {
  /** Added to an environment without any of Assetra's variables. */
  env?: Record<string, string>;
  input?: string;
  cwd?: string;
}

export const program = join(packageRoot, 'bin/assetra');

/** Builds when a source is newer than dist/; `npm test` has done so already. */
export function ensureBuilt(): void {
  execFileSync(process.execPath, [join(packageRoot, 'bin/bootstrap.mjs'), 'build'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** `assetra ARGS`, its standard input a pipe and no terminal. */
export const assetra = (args: string[], options?: SpawnOptions): Promise<Outcome> =>
  spawned(process.execPath, [program, ...args], options);

export function spawned(command: string, args: string[], options: SpawnOptions = {}): Promise<Outcome> {
  const { env = {}, input = '', cwd } = options;
  const child = spawn(command, args, { cwd, env: { PATH: process.env.PATH, ...env } });
  const outcome: Outcome = { code: null, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    outcome.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    outcome.stderr += text;
  });
  child.stdin.on('error', () => undefined).end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ ...outcome, code }));
  });
}
