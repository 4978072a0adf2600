/** `{{path}}` in the values of a step, at any depth. */
import { Invalid } from '../../base/errors.ts';
import { lookUp, pathFault, type Scope } from './scope.ts';

const placeholder = /\{\{([^{}]*)\}\}/g;
const alone = /^\{\{([^{}]*)\}\}$/;

/**
 * The value with every placeholder filled in, once: what comes in is not read again. A text that is nothing but one keeps the
 * type of what it names. What is missing there is null, and nothing within a text; Invalid for a path that never names anything.
 */
export function filled(value: unknown, scope: Scope): unknown {
  if (typeof value === 'string') return filledText(value, scope);
  if (Array.isArray(value)) return value.map((item) => filled(item, scope));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, scope)]));
}

/** The path that a text consists of, if it is nothing but one placeholder. */
export const pathIn = (text: string): string | undefined => alone.exec(text)?.[1]?.trim();

function filledText(text: string, scope: Scope): unknown {
  const whole = pathIn(text);
  if (whole !== undefined) return valueAt(whole, scope) ?? null;
  return text.replaceAll(placeholder, (_, path: string) => asText(valueAt(path.trim(), scope)));
}

function valueAt(path: string, scope: Scope): unknown {
  const fault = pathFault(path);
  if (fault) throw new Invalid(fault);
  return lookUp(scope, path);
}

function asText(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
