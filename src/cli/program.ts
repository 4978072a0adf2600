/** From the list of commands to commander's program. Nothing here loads the work of a command. */
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { programVersion } from '../base/paths.ts';
import {
  argsOf,
  type Definition,
  type Flag,
  type GlobalFlags,
  globalFlags,
  type Registered,
  wordsOf,
} from './command.ts';
import { groups, sections } from './commands.ts';

/** What is to happen when a command is chosen. */
export type Execute = (command: Registered, args: string[], flags: GlobalFlags) => Promise<void>;

export interface Writers {
  out: (text: string) => void;
  err: (text: string) => void;
}

export const silentWriters: Writers = { out: () => undefined, err: () => undefined };

/** A program whose parse errors are thrown as CommanderError and not printed; help goes to `writers`. */
export function buildProgram(execute: Execute, writers: Writers): Command {
  const program = new Command('assetra')
    .description('Asset tracking by barcode, on one box: API daemon, job runner and admin command line.')
    .version(programVersion(), '--version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: writers.out, writeErr: writers.err, outputError: () => undefined })
    .exitOverride();
  for (const flag of globalFlags) program.addOption(optionOf(flag));
  for (const { title, commands } of sections) {
    for (const command of commands) add(program, command, title, execute);
  }
  return program;
}

function add(program: Command, registered: Registered, title: string, execute: Execute): void {
  const { definition } = registered;
  const words = wordsOf(definition);
  const name = words.pop()!;
  const parent = words[0] ? groupOf(program, words[0], title) : program;
  const command = parent.command(name, { hidden: definition.hidden ?? false }).description(definition.about);
  if (parent === program) command.helpGroup(title);
  for (const arg of argsOf(definition)) command.addArgument(argumentOf(arg, definition));
  for (const flag of definition.flags ?? []) command.addOption(optionOf(flag));
  command.addHelpText('after', helpTail(definition));
  command.action(async () => {
    const args = command.processedArgs.flat().filter((arg): arg is string => arg !== undefined);
    await execute(registered, args, command.optsWithGlobals());
  });
}

function groupOf(program: Command, name: string, title: string): Command {
  const known = program.commands.find((command) => command.name() === name);
  return known ?? program.command(name).description(groups[name]!).helpGroup(title).helpCommand(false);
}

function argumentOf(spec: string, { args, choices }: Definition): Argument {
  const argument = new Argument(spec, args?.[spec.slice(1, -1)]);
  return choices ? argument.choices(choices) : argument;
}

function optionOf({ spec, about, required, choices, fallback, type }: Flag): Option {
  const option = new Option(spec, about).makeOptionMandatory(required ?? false);
  if (choices) option.choices(choices);
  if (type === 'number') option.argParser(wholeNumber);
  if (type === 'list')
    option.argParser((text) =>
      text
        .split(',')
        .map((item) => item.trim())
        .filter(Boolean),
    );
  return fallback === undefined ? option : option.default(fallback);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

function helpTail({ details, examples }: Definition): string {
  const shown = examples.map((example) => `  $ ${example}`).join('\n');
  return `${details ? `\n${details}\n` : ''}\n${examples.length > 1 ? 'Examples' : 'Example'}:\n${shown}`;
}
