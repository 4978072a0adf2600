/** Codes from standard input, one a line: a pipe from another program, or a scanner that types into a terminal. */
import { Framing } from './framing.ts';
import { type Line, type LineHooks, Reconnecting } from './reconnecting.ts';
import type { OpenScanner } from './scanner.ts';

/** The path is not looked at: a process has one standard input. */
export const openInput: OpenScanner = (_path, settings, events) =>
  inputFrom(() => process.stdin)('-', settings, events);

export const inputFrom =
  (stream: () => NodeJS.ReadableStream): OpenScanner =>
  (_path, settings, events) => {
    const framing = new Framing(settings, events);
    return new Reconnecting(
      {
        name: 'Standard input',
        open: (hooks) => reading(stream(), framing, hooks),
        reasonOf: ({ message }) => ({ code: 'DEVICE_FAILED', message: `Standard input cannot be read: ${message}` }),
        reset: () => framing.reset(),
      },
      events,
    );
  };

async function reading(stream: NodeJS.ReadableStream, framing: Framing, hooks: LineHooks): Promise<Line> {
  const take = (bytes: Buffer | string) => framing.push(Buffer.from(bytes));
  const end = () => {
    // Unlike a line that is pulled, a file whose last line lacks its end is whole.
    framing.end();
    hooks.ended();
  };
  stream.on('data', take).once('end', end).once('error', end);
  return {
    close: async () => {
      stream.off('data', take).off('end', end).off('error', end);
      stream.pause();
    },
  };
}
