/** Regular expressions that a site wrote: a bad one may take for ever, so each test has a time limit. */
import { createContext, Script } from 'node:vm';

/** For one test, in ms. */
const patience = 25;
/** For its second try, in ms: it is the clock that measures, and on a busy machine a good pattern may not have run at all. */
const secondPatience = 200;
/** Once so many tests of a minute took too long, each has one try of so many ms: hundreds in one request would stop the daemon. */
const manyLate = 8;
const shortPatience = 5;
const minute = 60_000;
const maxPattern = 200;
/** Characters of a value that is tested. */
const maxLength = 2_000;

const sandbox = createContext({ pattern: '', value: '' });
// The regular expression runs inside, where the limit can end it; it sees nothing but two texts.
const script = new Script('new RegExp(pattern, "u").test(value)');

/** Why this is no pattern (JavaScript, flag `u`), or null. */
export function patternFault(pattern: string): string | null {
  if (pattern.length > maxPattern) return `Ensure this field has no more than ${maxPattern} characters.`;
  try {
    new RegExp(pattern, 'u');
    return null;
  } catch (error) {
    return `Not a valid pattern: ${(error as Error).message}.`;
  }
}

/** Whether the whole value fits; false, too, when that cannot be told in time. */
export const fits = (pattern: string, value: string): boolean => found(`^(?:${pattern})$`, value);

/** Whether the pattern is found anywhere in the value; false, too, when that cannot be told in time. */
export function found(pattern: string, value: string): boolean {
  if (value.length > maxLength) return false;
  sandbox.pattern = pattern;
  sandbox.value = value;
  const started = Date.now();
  const tries = isLate(started) ? [shortPatience] : [patience, secondPatience];
  for (const timeout of tries) {
    try {
      return script.runInContext(sandbox, { timeout }) as boolean;
    } catch (error) {
      // A pattern that is none takes no longer for being asked again.
      if ((error as { code?: string }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false;
    }
  }
  late.push(started);
  return false;
}

/** When the latest tests that took too long began. */
const late: number[] = [];

function isLate(now: number): boolean {
  late.splice(0, late.length - manyLate);
  return late.length === manyLate && now - late[0]! < minute;
}
