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
  return fill(value, scope, { left: maxFilled });
}

/** Characters that the placeholders of one value may bring, as JSON: each may name all that there is, many times in one text. */
export const maxFilled = 64_000;
export const tooLong = `Its values are too long: more than ${maxFilled} characters.`;

/** Of these characters, those that may still come. */
interface Room {
  left: number;
}

function fill(value: unknown, scope: Scope, room: Room): unknown {
  if (typeof value === 'string') return filledText(value, scope, room);
  if (Array.isArray(value)) return value.map((item) => fill(item, scope, room));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, scope, room)]));
}

/** The path that a text consists of, if it is nothing but one placeholder. */
export const pathIn = (text: string): string | undefined => alone.exec(text)?.[1]?.trim();

function filledText(text: string, scope: Scope, room: Room): unknown {
  const whole = pathIn(text);
  if (whole !== undefined) {
    const value = valueAt(whole, scope) ?? null;
    if (typeof value === 'string' || typeof value === 'object') take(room, asText(value));
    return value;
  }
  return text.replaceAll(placeholder, (_, path: string) => take(room, asText(valueAt(path.trim(), scope))));
}

/** The text, once there is room for it: before it is put anywhere, not after. */
function take(room: Room, text: string): string {
  room.left -= text.length;
  if (room.left < 0) throw new Invalid(tooLong);
  return text;
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
