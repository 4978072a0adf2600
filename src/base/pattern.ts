/** Regular expressions that a site wrote: a bad one may take for ever, so each test has a time limit. */
import { createContext, Script } from 'node:vm';

/** For one test, in ms. */
const timeout = 25;
/** Characters of a value that is tested. */
const maxLength = 2_000;

const sandbox = createContext({ pattern: '', value: '' });
// The regular expression runs inside, where the limit can end it; it sees nothing but two texts.
const script = new Script('new RegExp(pattern, "u").test(value)');

/** Why this is no pattern, or null. */
export function patternFault(pattern: string): string | null {
  try {
    new RegExp(whole(pattern), 'u');
    return null;
  } catch (error) {
    return `Not a valid pattern: ${(error as Error).message}.`;
  }
}

/** Whether the whole value fits; false, too, when that cannot be told in time. */
export const fits = (pattern: string, value: string): boolean => occurs(whole(pattern), value);

/** Whether some part of the value fits; false, too, when that cannot be told in time. */
export function occurs(pattern: string, value: string): boolean {
  if (value.length > maxLength) return false;
  sandbox.pattern = pattern;
  sandbox.value = value;
  try {
    return script.runInContext(sandbox, { timeout }) as boolean;
  } catch {
    return false;
  }
}

const whole = (pattern: string): string => `^(?:${pattern})$`;
