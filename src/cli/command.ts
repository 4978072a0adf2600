/** What a command is called, takes and shows: data alone, so that help and completion load nothing else. */
import type { Output } from './output.ts';

export interface Flag {
  /** As commander writes it: `--tenant <tenant>`, `--yes`, `--no-jobs`. */
  spec: string;
  about: string;
  required?: boolean;
  choices?: readonly string[];
  fallback?: string | number;
  /** A whole number, or a list with commas between; text when left out. */
  type?: 'number' | 'list';
}

export interface Definition {
  /** The words, then the arguments: `tenant add <name>`. */
  usage: string;
  about: string;
  /** One line for each argument that the name does not explain. */
  args?: Record<string, string>;
  /** Values of the one argument that has a fixed set. */
  choices?: readonly string[];
  flags?: readonly Flag[];
  examples: readonly [string, ...string[]];
  /** Paragraphs shown below the flags. */
  details?: string;
  hidden?: boolean;
}

export interface GlobalFlags {
  dir?: string;
  json?: boolean;
  debug?: boolean;
}

export interface Input<Flags> {
  /** In the order of `usage`; one that was left out is missing from the end. */
  args: string[];
  flags: Flags & GlobalFlags;
  out: Output;
}

/** The work of a command. Answers its exit code when that is not 0; a failure that needs a sentence is thrown. */
export type Run<Flags = unknown> = (input: Input<Flags>) => Promise<number | undefined>;

/** A command and the module that does its work, loaded only when the command is run. */
export interface Registered {
  definition: Definition;
  load: () => Promise<{ run: Run<never> }>;
}

export const globalFlags: readonly Flag[] = [
  { spec: '--dir <folder>', about: "the site's folder (default: $ASSETRA_DIR or ./assetra-data)" },
  { spec: '--json', about: 'print one JSON document, for scripts' },
  { spec: '--debug', about: 'show where an error comes from' },
];

/** `tenant add <name>` → [`tenant`, `add`]. */
export const wordsOf = (definition: Definition): string[] =>
  definition.usage
    .match(/^[a-z -]+/)![0]
    .trim()
    .split(' ');

/** `tenant add <name>` → [`<name>`]. */
export const argsOf = (definition: Definition): string[] => definition.usage.match(/[<[][^\]>]+[\]>]/g) ?? [];
