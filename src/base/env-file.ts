/** Reads a site's `assetra.env`. What a name means, and whether it is known, is not decided here. */
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { ConfigError } from './errors.ts';

export interface EnvFile {
  values: Record<string, string>;
  /** Lines without `=`, by their number from 1, with the setting that begins the line if one does. */
  broken: { name: string | undefined; line: number }[];
}

/** An absent file is an empty one. Throws ConfigError when it is there and cannot be read. */
export function readEnvFile(path: string): EnvFile {
  const broken: EnvFile['broken'] = [];
  let openQuote: string | undefined;
  const sound = readText(path)
    .split(/\r?\n/)
    .map((text, index) => {
      if (openQuote) {
        if (text.includes(openQuote)) openQuote = undefined;
        return text;
      }
      openQuote = quoteLeftOpen(text);
      if (/^\s*(#|$)/.test(text) || text.includes('=')) return text;
      const name = /^\s*(?:export\s+)?((?:ASSETRA|DATABASE|DB|JWT)_[A-Z_]+)/.exec(text)?.[1];
      broken.push({ name, line: index + 1 });
      // parseEnv would join such a line with the next one and lose both.
      return '';
    });
  return { values: parseEnv(sound.join('\n')) as Record<string, string>, broken };
}

/** A quoted value may go on over further lines. */
function quoteLeftOpen(text: string): string | undefined {
  const [, quote, rest] = /^[^#=]*=\s*(["'`])(.*)$/.exec(text) ?? [];
  return quote !== undefined && !rest!.includes(quote) ? quote : undefined;
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

/** A line of the file for a value that is read back as it is. */
export function settingLine(name: string, value: string): string {
  if (/^[\w./:@-]*$/.test(value)) return `${name}=${value}`;
  const quote = ["'", '"', '`'].find((mark) => !value.includes(mark)) ?? "'";
  return `${name}=${quote}${value}${quote}`;
}

/** The file's text with another value of one setting, whether it was there or not. */
export function withSetting(text: string, name: string, value: string): string {
  const own = new RegExp(`^\\s*(export\\s+)?${name}\\s*=`);
  const others = text.split(/\r?\n/).filter((line) => !own.test(line));
  return `${others.join('\n').trimEnd()}\n${settingLine(name, value)}\n`.replace(/^\n/, '');
}
