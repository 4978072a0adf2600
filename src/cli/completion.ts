/** Shell completion, generated from the program: what may follow at each place is written into the script. */
import type { Command, Option } from 'commander';
import type { Run } from './command.ts';
import { buildProgram, silentWriters } from './program.ts';

export const run: Run = async ({ args, out }) => {
  const shell = args[0] as keyof typeof scripts;
  const script = scripts[shell](placesOf(buildProgram(async () => undefined, silentWriters)));
  out.result({ shell, script }, () => script);
};

interface Word {
  text: string;
  about: string;
}

/** A point in the command line: after which words, and what may come next. */
interface Place {
  /** `tenant add`; empty at the start. */
  path: string;
  next: Word[];
  flags: Word[];
  /** Flags that take a value; without choices it is completed as a file. */
  values: { flag: string; choices: readonly string[] }[];
}

function placesOf(command: Command, path = '', outer: readonly Option[] = []): Place[] {
  const help = command.createHelp();
  const subcommands = help.visibleCommands(command);
  const options = [...help.visibleOptions(command), ...outer];
  const choices = command.registeredArguments.flatMap((argument) => argument.argChoices ?? []);
  const place: Place = {
    path,
    next: [
      ...subcommands.map((sub) => ({ text: sub.name(), about: sub.description() })),
      ...choices.map((choice) => ({ text: choice, about: '' })),
    ],
    flags: options.map((option) => ({ text: option.long!, about: option.description })),
    values: options.flatMap((option) =>
      option.argChoices ? [{ flag: option.long!, choices: option.argChoices }] : [],
    ),
  };
  const global = path === '' ? command.options.filter((option) => option.long !== '--version') : outer;
  return [place, ...subcommands.flatMap((sub) => placesOf(sub, `${path} ${sub.name()}`.trim(), global))];
}

const textsOf = (words: readonly Word[]) => words.map(({ text }) => text).join(' ');
const known = (places: readonly Place[]) => places.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
const scripts = { bash, zsh, fish };

function bash(places: Place[]): string {
  const values = places.flatMap(({ path, values }) =>
    values.map(({ flag, choices }) => `    '${path} ${flag}') words='${choices.join(' ')}' ;;`),
  );
  const words = places.map(({ path, next, flags }) => `    '${path} '*) words='${textsOf([...next, ...flags])}' ;;`);
  return `# bash completion of assetra: source <(assetra completion bash)
_assetra() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
      ${known(places).join(' | ')}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path $previous" in
${[...values, ...words.reverse()].join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _assetra assetra
`;
}

function zsh(places: Place[]): string {
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const entry = ({ text, about }: Word) => quote(about ? `${text}:${about}` : text);
  const values = places.flatMap(({ path, values }) =>
    values.map(({ flag, choices }) => `    ${quote(`${path} ${flag}`)}) words=(${choices.map(quote).join(' ')}) ;;`),
  );
  const words = places.map(
    ({ path, next, flags }) => `    ${quote(`${path} `)}*) words=(${[...next, ...flags].map(entry).join(' ')}) ;;`,
  );
  return `#compdef assetra
# zsh completion of assetra: put it as _assetra into a folder of $fpath, or source <(assetra completion zsh)
_assetra() {
  local place='' previous="\${words[CURRENT-1]}" word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${place:+$place }$word" in
      ${known(places).join(' | ')}) place="\${place:+$place }$word" ;;
    esac
  done
  local -a words
  case "$place $previous" in
${[...values, ...words.reverse()].join('\n')}
  esac
  _describe 'assetra' words || _files
}
if [ "$funcstack[1]" = _assetra ]; then _assetra "$@"; else compdef _assetra assetra; fi
`;
}

function fish(places: Place[]): string {
  const quote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = places.flatMap(({ path, next, flags, values }) => {
    const at = `complete -c assetra -n ${quote(`__assetra_at ${path}`.trim())}`;
    const takes = (choices: readonly string[] | undefined) => {
      if (!choices) return '';
      return choices.length > 0 ? ` -x -a ${quote(choices.join(' '))}` : ' -r';
    };
    const choicesOf = (flag: string) => values.find((value) => value.flag === flag)?.choices;
    return [
      ...next.map(({ text, about }) => `${at} -f -a ${text} -d ${quote(about)}`),
      ...flags.map(({ text, about }) => {
        const choices = choicesOf(text);
        return `${at} -l ${text.slice(2)} -d ${quote(about)}${takes(choices)}`;
      }),
    ];
  });
  return `# fish completion of assetra: assetra completion fish > ~/.config/fish/completions/assetra.fish
function __assetra_at
  set -l path
  for word in (commandline -opc)[2..]
    switch "$path $word"
      case ${places
        .filter(({ path }) => path !== '')
        .map(({ path }) => quote(path.includes(' ') ? path : ` ${path}`))
        .join(' ')}
        set path (string trim "$path $word")
    end
  end
  test "$path" = "$argv"
end
${lines.join('\n')}
`;
}
