/** A submission against a form: what is wrong, by field. */
import { fits } from '../../base/pattern.ts';
import { parseInstant } from '../../resource/fields.ts';
import { type Condition, type FieldSpec, fieldsOf, isDate, type Rule } from './language.ts';
import type { FormRow } from './resource.ts';

export type Faults = Record<string, string[]>;
type Submission = Record<string, unknown>;

const required = 'This field is required.';

/** Empty when the submission fits. Fields that the form does not know are left alone. */
export function faultsOf(
  form: Pick<FormRow, 'schema' | 'required_fields' | 'validation_rules'>,
  data: Submission,
): Faults {
  const faults = new Map<string, string[]>();
  const add = (field: string, message: string) => {
    const known = faults.get(field) ?? [];
    if (!known.includes(message)) faults.set(field, [...known, message]);
  };
  const fields = fieldsOf(form.schema);
  const wanted = fields.filter(([, spec]) => spec.required).map(([key]) => key);
  for (const key of new Set([...wanted, ...form.required_fields])) if (isEmpty(answerTo(data, key))) add(key, required);
  for (const [key, spec] of fields) {
    const value = answerTo(data, key);
    const fault = isEmpty(value) ? null : faultOf(spec, value);
    if (fault) add(key, fault);
  }
  for (const rule of form.validation_rules) {
    const fault = faults.has(rule.field) ? null : broken(rule, data);
    if (fault) add(rule.field, fault);
  }
  return Object.fromEntries(faults);
}

/** Own keys alone: `constructor` is no value. */
const answerTo = (data: Submission, key: string): unknown => (Object.hasOwn(data, key) ? data[key] : undefined);

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);

function faultOf(spec: FieldSpec, value: unknown): string | null {
  switch (spec.type) {
    case 'text':
      return textFault(spec, value);
    case 'integer':
      return Number.isSafeInteger(value) ? limitFault(spec, value as number) : 'A valid integer is required.';
    case 'number':
      return typeof value === 'number' ? limitFault(spec, value) : 'A valid number is required.';
    case 'boolean':
      return typeof value === 'boolean' ? null : 'Must be a valid boolean.';
    case 'date':
      if (typeof value !== 'string' || !isDate(value)) return 'Date has wrong format. Use 2026-01-31.';
      return limitFault(spec, value);
    case 'datetime':
      return timeFault(spec, value);
    case 'choice':
      return choiceFault(spec, [value]);
    case 'choices':
      return Array.isArray(value) ? choiceFault(spec, value) : 'Expected a list of items.';
  }
}

function textFault({ min_length, max_length, pattern }: FieldSpec, value: unknown): string | null {
  if (typeof value !== 'string') return 'Not a valid string.';
  if (max_length !== undefined && value.length > max_length)
    return `Ensure this field has no more than ${max_length} characters.`;
  if (min_length !== undefined && value.length < min_length)
    return `Ensure this field has at least ${min_length} characters.`;
  return pattern === undefined || fits(pattern, value) ? null : 'Not in the right format.';
}

function timeFault(spec: FieldSpec, value: unknown): string | null {
  const instant = typeof value === 'string' ? parseInstant(value) : null;
  if (instant === null) return 'Datetime has wrong format. Use RFC 3339, such as 2026-01-31T12:00:00Z.';
  const limit = (bound: FieldSpec['min']) =>
    typeof bound === 'string' ? (parseInstant(bound) ?? undefined) : undefined;
  return limitFault({ ...spec, min: limit(spec.min), max: limit(spec.max) }, instant);
}

function limitFault({ min, max }: FieldSpec, value: number | string): string | null {
  if (min !== undefined && value < min) return `Ensure this value is greater than or equal to ${min}.`;
  return max !== undefined && value > max ? `Ensure this value is less than or equal to ${max}.` : null;
}

function choiceFault({ choices = [] }: FieldSpec, values: unknown[]): string | null {
  const wrong = values.find((value) => !choices.includes(value as string));
  return wrong === undefined ? null : `Not a valid choice. Choose one of: ${choices.join(', ')}.`;
}

function broken({ field, operator, value, other_field, when, message }: Rule, data: Submission): string | null {
  if (when && !holds(when.operator, answerTo(data, when.field), when.value)) return null;
  const actual = answerTo(data, field);
  if (operator === 'required') return isEmpty(actual) ? (message ?? required) : null;
  const expected = other_field === undefined ? value : answerTo(data, other_field);
  // Nothing to compare: whether it may be missing is said by `required`.
  if (isEmpty(actual) || (other_field !== undefined && isEmpty(expected))) return null;
  if (holds(operator, actual, expected)) return null;
  const against = other_field === undefined ? JSON.stringify(value) : other_field;
  return message ?? `This must be ${wording[operator]} ${against}.`;
}

const wording = {
  equals: 'equal to',
  not_equals: 'different from',
  in: 'one of',
  gt: 'greater than',
  gte: 'greater than or equal to',
  lt: 'less than',
  lte: 'less than or equal to',
};

function holds(operator: Condition['operator'], actual: unknown, expected: unknown): boolean {
  if (operator === 'equals') return JSON.stringify(actual) === JSON.stringify(expected);
  if (operator === 'not_equals') return JSON.stringify(actual) !== JSON.stringify(expected);
  if (operator === 'in') return Array.isArray(expected) && expected.includes(actual);
  // Times with different offsets compare by the moment they mean.
  const [one, two] = [actual, expected].map((side) => (typeof side === 'string' ? (parseInstant(side) ?? side) : side));
  if (typeof one !== typeof two || (typeof one !== 'number' && typeof one !== 'string')) return false;
  const [left, right] = [one, two] as [number, number];
  if (operator === 'gt') return left > right;
  if (operator === 'gte') return left >= right;
  return operator === 'lt' ? left < right : left <= right;
}
