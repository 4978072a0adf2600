/** Runs the database's own programs. Their names are looked for on the PATH; passwords go by the environment. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { childEnvironment } from '../../base/config.ts';
import { AppError } from '../../base/errors.ts';

export interface Tool {
  /** The first that is there is taken. */
  names: readonly [string, ...string[]];
  /** The Debian package that brings it. */
  package: string;
}

export interface ToolRun {
  args: (name: string) => readonly string[];
  env: Record<string, string | undefined>;
  /** What the program reads; asked for each name that is tried. */
  input?: (name: string) => AsyncIterable<Buffer>;
  /** The file that its output goes to; without one it is dropped. */
  output?: string;
  signal: AbortSignal;
}

/** Most that is kept of what a program says about a failure, in characters. */
const longest = 4_000;

/** Resolves when the program has ended well. Throws one sentence: it is missing, or what it said last. */
export async function runTool(tool: Tool, run: ToolRun): Promise<void> {
  for (const name of tool.names) {
    try {
      return await runNamed(name, run);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  const names = tool.names.join(' or ');
  throw new AppError(
    'tool',
    500,
    `The program ${names} is not on the PATH. Install the Debian package ${tool.package}.`,
  );
}

async function runNamed(name: string, { args, env, input, output, signal }: ToolRun): Promise<void> {
  const child = spawn(name, args(name), { env: childEnvironment({ LC_ALL: 'C', ...env }), signal, stdio: 'pipe' });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said = (said + text).slice(-longest);
  });
  const ended = once(child, 'close') as Promise<[number | null]>;
  ended.catch(() => undefined);
  // Half-read input is the sign of a failure that the program tells better than the pipe.
  const fed = input ? pipeline(input(name), child.stdin).catch((error: unknown) => error) : child.stdin.end();
  const kept = output === undefined ? child.stdout.resume() : pipeline(child.stdout, createWriteStream(output));
  const [, [code]] = await Promise.all([kept, ended]).catch((error) => {
    child.kill();
    throw error;
  });
  const fault = await fed;
  if (code !== 0) throw new AppError('tool', 500, `${name} failed: ${sentenceOf(said) || `exit code ${code}`}`);
  if (fault instanceof Error) throw fault;
}

/** The first line that tells of an error, for the rest mostly follows from it. */
function sentenceOf(said: string): string {
  const lines = said.split('\n').filter((line) => line.trim() !== '');
  const line = lines.find((text) => /error|fatal/i.test(text)) ?? lines.at(-1) ?? '';
  return line.trim().replace(/\.?$/, '.');
}
