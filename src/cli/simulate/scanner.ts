/** A scanner that is not there: types codes on a line, as fast as asked. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { ConfigError } from '../../base/errors.ts';
import { unescaped } from '../../devices/escapes.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { signalled } from '../signal.ts';
import { openPort, openPty, type TypedLine } from './lines.ts';

interface Flags extends GlobalFlags {
  pty?: string;
  listen?: string;
  file?: string;
  random?: number;
  repeat: number;
  rate: number;
  prefix: string;
  suffix: string;
  gs?: string;
  seed?: number;
  linger: number;
}

export const run: Run<Flags> = async ({ args, flags, out }) => {
  if ((flags.pty === undefined) === (flags.listen === undefined))
    throw new ConfigError('Give either --pty or --listen.');
  if (args.length === 0 && flags.file === undefined && flags.random === undefined)
    throw new ConfigError('Say what to type: codes, --file or --random.');
  const line = await (flags.pty === undefined ? openPort(flags.listen!) : openPty(flags.pty));
  out.note(`A scanner is at ${line.address}. It types once that is opened.`);
  let end: 'told' | 'let go' | undefined;
  const over = Promise.race([signalled().then(() => 'told' as const), line.closed.then(() => 'let go' as const)]);
  over.then((why) => {
    end = why;
  });
  let typed = 0;
  const typing = typeAll(
    line,
    args,
    flags,
    () => end !== undefined,
    (code) => {
      typed += 1;
      if (flags.json) out.result({ code, at: new Date().toISOString() }, () => code);
    },
  );
  await Promise.race([typing, over]);
  const isCut = end === 'let go';
  await line.close(end === undefined ? flags.linger * 1_000 : 0);
  out.note(isCut ? `The reader let go after ${typed} codes.` : `Typed ${typed} codes.`);
  return isCut ? 1 : undefined;
};

/** `told` hears each code that the line has taken. */
async function typeAll(
  line: TypedLine,
  codes: string[],
  flags: Flags,
  isOver: () => boolean,
  told: (code: string) => void,
): Promise<void> {
  await line.opened;
  const begin = performance.now();
  let typed = 0;
  for await (const code of codesOf(codes, flags)) {
    if (flags.rate > 0) await pause(begin + (typed * 1_000) / flags.rate - performance.now());
    if (isOver()) return;
    await line.write(framed(code, flags));
    typed += 1;
    told(code);
  }
}

const pause = (ms: number): Promise<void> =>
  ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : Promise.resolve();

function framed(code: string, { prefix, suffix, gs = '\u001d' }: Flags): string {
  return prefix + code.replaceAll('<GS>', '\u001d').replaceAll('\u001d', gs) + unescaped(suffix);
}

async function* codesOf(args: string[], flags: Flags): AsyncGenerator<string> {
  const times = flags.repeat === 0 ? Number.POSITIVE_INFINITY : flags.repeat;
  for (let time = 0; time < times; time += 1) {
    yield* args;
    if (flags.file !== undefined) yield* linesOf(flags.file);
    if (flags.random !== undefined) yield* random(flags.random, flags.seed);
    // Standard input comes once.
    if (flags.file === '-') return;
  }
}

function linesOf(file: string): AsyncIterable<string> {
  const input = file === '-' ? process.stdin : createReadStream(file);
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  // readline swallows what its stream says.
  input.on('error', (error: Error) => lines.emit('error', new ConfigError(`${file} cannot be read: ${error.message}`)));
  return lines;
}

/** Park and Miller's generator: good enough for codes, and the same everywhere. */
function* random(count: number, seed = Math.floor(Math.random() * 0x7fffffff)): Generator<string> {
  let state = (seed % 0x7ffffffe) + 1;
  for (let index = 0; index < count; index += 1) {
    state = (state * 48_271) % 0x7fffffff;
    yield `SIM-${state.toString(36).toUpperCase().padStart(6, '0')}`;
  }
}
