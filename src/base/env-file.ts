/** Reads a site's `assetra.env`. What a name means, and whether it is known, is not decided here. */
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { ConfigError } from './errors.ts';

export interface EnvFile {
  values: Record<string, string>;
  /** Names that stand in a line without `=`, with the line's number from 1. */
  broken: { name: string; line: number }[];
}

/** An absent file is an empty one. Throws ConfigError when it is there and cannot be read. */
export function readEnvFile(path: string): EnvFile {
  const broken: EnvFile['broken'] = [];
  const sound = readText(path)
    .split(/\r?\n/)
    .map((text, index) => {
      const name = /^\s*(?:export\s+)?((?:ASSETRA|DATABASE|DB|JWT)_[A-Z_]+)[^=]*$/.exec(text)?.[1];
      if (name === undefined) return text;
      broken.push({ name, line: index + 1 });
      // parseEnv would join such a line with the next one and lose both.
      return '';
    });
  return { values: parseEnv(sound.join('\n')) as Record<string, string>, broken };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return '';
    const reason = code === 'EACCES' ? 'this user may not read it' : String(code);
    throw new ConfigError(`${path} cannot be read: ${reason}.`, { cause: error });
  }
}
