/** One command from its arguments to its exit code: 0 done, 1 failed, 2 wrong use, 130 broken off at a prompt. */
import { CommanderError } from 'commander';
import { AppError, ConfigError, type FieldErrors } from '../base/errors.ts';
import { createOutput } from './output.ts';
import { buildProgram } from './program.ts';

/** `argv` without node and script. Never throws: what goes wrong is told on standard error. */
export async function run(argv: string[]): Promise<number> {
  const before = argv.indexOf('--') < 0 ? argv : argv.slice(0, argv.indexOf('--'));
  const json = before.includes('--json');
  const debug = before.includes('--debug');
  quietBrokenPipe();
  let code: number | undefined;
  const writers = {
    out: (text: string) => process.stdout.write(text),
    err: (text: string) => !json && process.stderr.write(text),
  };
  const program = buildProgram(async ({ load }, args, flags) => {
    const { run } = await load();
    code = await run({ args, flags: flags as never, out: createOutput(json) });
  }, writers);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code ?? 0;
  } catch (error) {
    return tell(error, json, debug);
  }
}

/** `assetra … | head` ends when head has enough, and that is no error. */
function quietBrokenPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

function tell(error: unknown, json: boolean, debug: boolean): number {
  const fault = describe(error);
  if (fault.message !== undefined) {
    const { message, code, fields } = fault;
    const text = json ? JSON.stringify({ error: message, code, fields }) : `assetra: ${message}`;
    process.stderr.write(`${text}\n`);
  }
  if (debug && !json && error instanceof Error) process.stderr.write(`${stackOf(error)}\n`);
  return fault.exitCode;
}

interface Fault {
  exitCode: number;
  /** Nothing to say when missing. */
  message?: string;
  code?: string | undefined;
  fields?: FieldErrors | undefined;
}

function describe(error: unknown): Fault {
  if (error instanceof CommanderError) return describeUse(error);
  // What @inquirer throws at Ctrl-C; its class is not loaded here.
  if (error instanceof Error && error.name === 'ExitPromptError') return { exitCode: 130 };
  if (error instanceof AppError) {
    const { message, code, fields } = error;
    return { exitCode: error instanceof ConfigError ? 2 : 1, message, code, fields };
  }
  const { message, code } = error instanceof Error ? (error as NodeJS.ErrnoException) : { message: String(error) };
  if (typeof code === 'string') return { exitCode: 1, message, code };
  return {
    exitCode: 1,
    message: `This is a fault of assetra itself: ${message}. Run it again with --debug and report it.`,
  };
}

function describeUse(error: CommanderError): Fault {
  if (error.exitCode === 0) return { exitCode: 0 };
  const code = 'usage';
  if (error.code === 'commander.help') return { exitCode: 2, code, message: 'Name a command; --help lists them.' };
  const sentence = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  return { exitCode: 2, code, message: sentence.charAt(0).toUpperCase() + sentence.slice(1) };
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\nCaused by ${stackOf(error.cause)}` : '';
  return `${error.stack}${cause}`;
}
