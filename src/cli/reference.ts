/** docs/CLI.md, generated from the program and the settings. */
import type { Argument, Command, Option } from 'commander';
import { settingDescriptions } from '../base/settings.ts';
import { argsOf, globalFlags, type Registered, type Run, wordsOf } from './command.ts';
import { sections } from './commands.ts';
import { buildProgram, silentWriters } from './program.ts';

export const run: Run = async ({ out }) => {
  const markdown = referenceOf(buildProgram(async () => undefined, silentWriters));
  out.result({ markdown }, () => markdown);
};

function referenceOf(program: Command): string {
  const commands = sections.flatMap(({ title, commands }) => [
    `## ${title.replace(/:$/, '')}`,
    ...commands.filter(({ definition }) => !definition.hidden).map((command) => chapter(program, command)),
  ]);
  return `${[opening, ...commands, settingsChapter()].join('\n\n')}\n`;
}

const opening = `# Command line

Written by \`assetra reference\`; do not edit.

Every command takes ${globalFlags.map(({ spec }) => `\`${spec}\``).join(', ')} and \`--help\`. With \`--json\` one document is printed
on standard output; everything else, errors too, goes to standard error.
Exit codes: 0 done, 1 failed, 2 wrong use or wrong settings, 130 broken off at a prompt.`;

function chapter(program: Command, { definition }: Registered): string {
  const words = wordsOf(definition);
  const command = words.reduce((parent, word) => parent.commands.find((sub) => sub.name() === word)!, program);
  const args = command.registeredArguments.map(argumentRow);
  const flags = command.options.map(optionRow);
  return [
    `### assetra ${words.join(' ')}`,
    `${definition.about}.`,
    `\`\`\`\nassetra ${[...words, ...(flags.length > 0 ? ['[options]'] : []), ...argsOf(definition)].join(' ')}\n\`\`\``,
    [...args, ...flags].length > 0 ? `| | |\n|---|---|\n${[...args, ...flags].join('\n')}` : '',
    definition.details ?? '',
    `\`\`\`sh\n${definition.examples.join('\n')}\n\`\`\``,
  ]
    .filter(Boolean)
    .join('\n\n');
}

const row = (...cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;

const listed = (choices: readonly string[] | undefined) => (choices ? `one of ${choices.join(', ')}` : '');

const argumentRow = (argument: Argument) =>
  row(`\`${argument.name()}\``, [argument.description, listed(argument.argChoices)].filter(Boolean).join('; '));

function optionRow(option: Option): string {
  const fallback = option.defaultValue === undefined || option.negate || option.defaultValue === '';
  const notes = [
    option.description,
    listed(option.argChoices),
    option.mandatory ? 'needed' : '',
    fallback ? '' : `default ${option.defaultValue}`,
  ];
  return row(`\`${option.flags}\``, notes.filter(Boolean).join('; '));
}

function settingsChapter(): string {
  const rows = settingDescriptions.map(({ name, fallback, about }) => row(`\`${name}\``, fallback, about));
  return `## Settings

Each may stand in \`assetra.env\` in the site's folder, as \`NAME=value\`, or in the environment, which wins; a flag wins over both.
Paths are relative to the site's folder. \`ASSETRA_DIR\` or \`--dir\` names that folder (default \`./assetra-data\`).

| setting | default | meaning |
|---|---|---|
${rows.join('\n')}`;
}
