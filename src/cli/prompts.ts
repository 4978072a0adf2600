/** Questions to the person at the terminal; where there is none, an error that names the flag to use instead. */
import { ConfigError } from '../base/errors.ts';

export interface Question {
  message: string;
  /** The flag that gives the same answer, such as `--admin`. */
  flag: string;
}

/** On standard error, so that --json keeps standard output for its document. */
const screen = { output: process.stderr };

/** Whether someone can answer. */
export const interactive = (): boolean => Boolean(process.stdin.isTTY);

export async function ask(question: Question & { fallback?: string }): Promise<string> {
  const { input } = await prompts(question);
  const { message, fallback } = question;
  const answer = await input({ message, required: true, ...(fallback !== undefined && { default: fallback }) }, screen);
  return answer.trim();
}

export async function confirm(question: Question): Promise<boolean> {
  const { confirm } = await prompts(question);
  return confirm({ message: question.message, default: false }, screen);
}

export async function choose<T extends string>(question: Question & { choices: readonly T[] }): Promise<T> {
  const { select } = await prompts(question);
  return select<T>({ message: question.message, choices: [...question.choices] }, screen);
}

/** From standard input when told so, else asked for: twice where it is a new one. Throws ConfigError where neither is possible. */
export async function readPassword(options: {
  passwordStdin?: boolean | undefined;
  label: string;
  /** It is in use already: a slip of the finger shows at once. */
  known?: boolean;
}): Promise<string> {
  if (options.passwordStdin) return passwordFrom(process.stdin);
  const { password } = await prompts({ message: options.label, flag: '--password-stdin' });
  const first = await password({ message: options.label, mask: true }, screen);
  if (options.known) return first;
  const second = await password({ message: 'The same again', mask: true }, screen);
  if (first !== second) throw new ConfigError('The two passwords differ. Run the command again.');
  return first;
}

async function passwordFrom(stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  const text = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (text === '') throw new ConfigError('Standard input held no password. Write it there, on one line.');
  if (/[\r\n]/.test(text)) throw new ConfigError('Standard input held more than one line. Write the password alone.');
  return text;
}

async function prompts(question: Question) {
  if (!interactive()) {
    throw new ConfigError(`Nobody can be asked here (${question.message}). Give ${question.flag}.`);
  }
  return import('@inquirer/prompts');
}
