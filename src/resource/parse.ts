/** A value against its schema; faults in the words that clients of the older service show. */
import type { z } from 'zod';
import { type FieldErrors, Invalid } from '../base/errors.ts';

/** The value as its schema has it, or Invalid naming every faulty field. */
export function parse<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value, { error: wording });
  if (result.success) return result.data;
  throw new Invalid(byField(result.error.issues));
}

/** Issues nested by path: `{"steps": {"0": {"action": ["…"]}}}`. */
export function byField(issues: readonly z.core.$ZodIssue[]): FieldErrors {
  const fields: FieldErrors = {};
  for (const issue of issues)
    place(fields, issue.path.length === 0 ? ['non_field_errors'] : issue.path.map(String), issue.message);
  return fields;
}

function place(fields: FieldErrors, path: string[], message: string): void {
  const [key, ...rest] = path as [string, ...string[]];
  // A field named __proto__ must be an own key like any other.
  const present = Object.hasOwn(fields, key) ? fields[key] : undefined;
  const set = (value: FieldErrors | string[]) =>
    Object.defineProperty(fields, key, { value, enumerable: true, configurable: true, writable: true });
  if (rest.length === 0) {
    if (present === undefined) set([message]);
    else if (Array.isArray(present)) present.push(message);
    else place(present, ['non_field_errors'], message);
    return;
  }
  const nested = present !== undefined && !Array.isArray(present) ? present : {};
  if (nested !== present) set(Array.isArray(present) ? { non_field_errors: present } : nested);
  place(fields[key] as FieldErrors, rest, message);
}

/** The words for a zod issue; for a parse within a refinement, which has no words of its own. */
export function wording(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue);
    case 'too_big':
      return tooBig(issue);
    case 'too_small':
      return tooSmall(issue);
    case 'invalid_value':
      if (issue.input === undefined) return 'This field is required.';
      if (issue.input === null) return 'This field may not be null.';
      return `"${shown(issue.input)}" is not a valid choice. Choose one of: ${issue.values.join(', ')}.`;
    case 'invalid_format':
      return issue.format === 'uuid' ? 'Must be a valid UUID.' : 'Not in the right format.';
    case 'unrecognized_keys':
      return `Unknown: ${issue.keys.map(shown).join(', ')}.`;
    case 'invalid_union':
      if (issue.input === undefined) return 'This field is required.';
      return issue.input === null ? 'This field may not be null.' : undefined;
    default:
      return undefined;
  }
}

function wrongType(issue: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidType>): string {
  if (issue.input === undefined) return 'This field is required.';
  if (issue.input === null) return 'This field may not be null.';
  const got = Array.isArray(issue.input) ? 'list' : typeof issue.input;
  switch (issue.expected) {
    case 'string':
      return 'Not a valid string.';
    case 'int':
      return 'A valid integer is required.';
    case 'number':
      return 'A valid number is required.';
    case 'boolean':
      return 'Must be a valid boolean.';
    case 'array':
      return `Expected a list of items but got type "${got}".`;
    case 'object':
    case 'record':
      return issue.path?.length
        ? `Expected a dictionary of items but got type "${got}".`
        : `Invalid data. Expected a dictionary, but got ${got}.`;
    default:
      return `Expected ${issue.expected} but got type "${got}".`;
  }
}

function tooBig(issue: z.core.$ZodRawIssue<z.core.$ZodIssueTooBig>): string {
  if (issue.origin === 'string') return `Ensure this field has no more than ${issue.maximum} characters.`;
  if (issue.origin === 'array') return `Ensure this field has no more than ${issue.maximum} elements.`;
  return `Ensure this value is less than or equal to ${issue.maximum}.`;
}

function tooSmall(issue: z.core.$ZodRawIssue<z.core.$ZodIssueTooSmall>): string {
  if (issue.origin === 'string' && Number(issue.minimum) <= 1) return 'This field may not be blank.';
  if (issue.origin === 'string') return `Ensure this field has at least ${issue.minimum} characters.`;
  if (issue.origin === 'array') return `Ensure this field has at least ${issue.minimum} elements.`;
  return `Ensure this value is greater than or equal to ${issue.inclusive === false ? Number(issue.minimum) + 1 : issue.minimum}.`;
}

const shown = (value: unknown): string => {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};
