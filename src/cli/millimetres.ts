import { ConfigError } from '../base/errors.ts';

/** The value of a flag such as --offset-x. */
export function millimetres(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^-?\d{1,2}(\.\d+)?$/.test(text)) throw new ConfigError(`${flag} wants millimetres, such as 1.5 or -0.8.`);
  return Number(text);
}
