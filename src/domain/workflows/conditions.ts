/** Whether the entry conditions of a workflow hold, and for a preview which of them do. */
import { isDeepStrictEqual } from 'node:util';
import { found } from '../../base/pattern.ts';
import { parseInstant } from '../../resource/fields.ts';
import type { WorkflowRow } from './resource.ts';
import { lookUp, type Scope } from './scope.ts';
import type { operators } from './steps.ts';
import { pathIn } from './template.ts';

type Operator = (typeof operators)[number];

export interface Condition {
  field: string;
  operator: Operator;
  /** Null where `exists` has none. */
  value: unknown;
}

export interface Judged extends Condition {
  matched: boolean;
}

type Definition = Pick<WorkflowRow, 'trigger_type' | 'entry_conditions'>;

/** The conditions in one form. In the older map a list means one of its items. When `on_time` runs is no condition. */
export function conditionsOf({ trigger_type, entry_conditions: entry }: Definition): Condition[] {
  const all = Array.isArray(entry)
    ? entry.map(({ field, operator, value = null }) => ({ field, operator, value }) as Condition)
    : Object.entries(entry).map(
        ([field, value]): Condition => ({ field, operator: Array.isArray(value) ? 'in' : 'equals', value }),
      );
  return trigger_type === 'on_time' ? all.filter(({ field }) => field !== 'cron' && field !== 'timezone') : all;
}

export const judge = (definition: Definition, scope: Scope): Judged[] =>
  conditionsOf(definition).map((condition) => judged(condition, scope));

/** Whether all of them hold; the first that does not ends it, so of patterns that take too long only one is waited for. */
export const allHold = (definition: Definition, scope: Scope): boolean =>
  conditionsOf(definition).every((condition) => judged(condition, scope).matched);

function judged(condition: Condition, scope: Scope): Judged {
  const value = wantedOf(condition.value, scope);
  return { ...condition, value, matched: holds(condition.operator, lookUp(scope, condition.field), value) };
}

/** A value may be `{{path}}`: what is there. Nothing else is filled in, and a path that names nothing is null. */
function wantedOf(value: unknown, scope: Scope): unknown {
  if (Array.isArray(value)) return value.map((item) => wantedOf(item, scope));
  const path = typeof value === 'string' ? pathIn(value) : undefined;
  return path === undefined ? value : (lookUp(scope, path) ?? null);
}

/** What is missing is null. */
export function holds(operator: Operator, value: unknown, wanted: unknown): boolean {
  const actual = value ?? null;
  switch (operator) {
    case 'equals':
      return same(actual, wanted);
    case 'not_equals':
      return !same(actual, wanted);
    case 'in':
      return isIn(actual, wanted);
    case 'not_in':
      return !isIn(actual, wanted);
    case 'contains':
      return contains(actual, wanted);
    case 'exists':
      return (actual !== null) === (wanted !== false);
    case 'matches':
      return isPlain(actual) && typeof wanted === 'string' && found(wanted, String(actual));
    default:
      return compared(operator, actual, wanted);
  }
}

/** Equal as they are, or as the number or moment that both of them mean. */
function same(one: unknown, other: unknown): boolean {
  if (isDeepStrictEqual(one, other)) return true;
  if (typeof one === 'string' && typeof other === 'string') {
    const moments = [one, other].map(parseInstant);
    return moments[0] !== null && moments[0] === moments[1];
  }
  // A text that looks like a number is one only beside a number: the tags 007 and 7 are two.
  const numbers = typeof one === 'number' || typeof other === 'number' ? [one, other].map(numberOf) : [];
  return numbers.length > 0 && numbers[0] !== undefined && numbers[0] === numbers[1];
}

/** Of a list, whether any of its items is in the other. */
function isIn(actual: unknown, wanted: unknown): boolean {
  if (!Array.isArray(wanted)) return false;
  const items = Array.isArray(actual) ? [actual, ...actual] : [actual];
  return items.some((item) => wanted.some((one) => same(item, one)));
}

/** A list: an item, or every item of a list. A text: a part of it. An object: a key. */
function contains(actual: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) return wanted.length > 0 && wanted.every((item) => contains(actual, item));
  if (Array.isArray(actual)) return actual.some((item) => same(item, wanted));
  if (!isPlain(wanted)) return false;
  if (typeof actual === 'object' && actual !== null) return Object.hasOwn(actual, String(wanted));
  return isPlain(actual) && String(actual).includes(String(wanted));
}

function compared(operator: 'gt' | 'gte' | 'lt' | 'lte', actual: unknown, wanted: unknown): boolean {
  const sides = comparable(actual, wanted);
  if (!sides) return false;
  const [left, right] = sides as [number, number];
  if (operator === 'gt') return left > right;
  if (operator === 'gte') return left >= right;
  return operator === 'lt' ? left < right : left <= right;
}

/** Both as numbers, else both as moments, else both as texts. What is neither text nor number is not compared. */
function comparable(one: unknown, other: unknown): [number | string, number | string] | undefined {
  if (!isPlain(one) || !isPlain(other)) return undefined;
  const [a, b] = [numberOf(one), numberOf(other)];
  if (a !== undefined && b !== undefined) return [a, b];
  const [from, to] = [momentOf(one), momentOf(other)];
  if (from !== undefined && to !== undefined) return [from, to];
  return typeof one === 'string' && typeof other === 'string' ? [one, other] : undefined;
}

const isPlain = (value: unknown): value is string | number => typeof value === 'string' || typeof value === 'number';

const numberOf = (value: unknown): number | undefined => {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^-?\d{1,30}(\.\d{1,30})?$/.test(value) ? Number(value) : undefined;
};

/** A date alone is its first moment, in UTC. */
const momentOf = (value: unknown): string | undefined => {
  if (typeof value !== 'string') return undefined;
  return parseInstant(/^\d{4}-\d\d-\d\d$/.test(value) ? `${value}T00:00:00Z` : value) ?? undefined;
};
