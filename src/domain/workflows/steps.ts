/** What a workflow may be made of; a bad definition is refused by the key that is wrong. */
import { validate as isCron } from 'node-cron';
import { z } from 'zod';
import { patternFault } from '../../base/pattern.ts';
import { parseInstant } from '../../resource/fields.ts';
import * as history from '../history/service.ts';

export const triggers = ['on_scan', 'on_status_change', 'manual', 'on_time'] as const;
export const operators = [
  'equals',
  'not_equals',
  'in',
  'not_in',
  'contains',
  'gt',
  'gte',
  'lt',
  'lte',
  'exists',
  'matches',
] as const;

const maxSteps = 100;
const maxConditions = 100;

type Check = (value: unknown) => string | null;
interface Argument {
  check: Check;
  required?: true;
  /** Null is a value: what is missing may be noted as well. */
  nullable?: true;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const hasPlaceholder = (value: unknown): boolean => typeof value === 'string' && /\{\{[^{}]+\}\}/.test(value);

const text: Check = (value) => (typeof value === 'string' && value.trim() !== '' ? null : 'Not a valid string.');
const anyText: Check = (value) => (typeof value === 'string' ? null : 'Not a valid string.');
const object: Check = (value) => (isObject(value) ? null : 'Expected a dictionary of items.');
const filledObject: Check = (value) =>
  isObject(value) && Object.keys(value).length > 0 ? null : 'Expected a dictionary with at least one item.';
const texts: Check = (value) =>
  Array.isArray(value) && value.length > 0 && value.every((item) => text(item) === null)
    ? null
    : 'Expected a list of at least one string.';
const idOrText: Check = (value) =>
  (Number.isSafeInteger(value) && (value as number) > 0) || text(value) === null
    ? null
    : 'Expected an id, a name or {{path}}.';
const time: Check = (value) =>
  typeof value === 'string' && parseInstant(value) !== null
    ? null
    : 'Datetime has wrong format. Use RFC 3339, such as 2026-01-31T12:00:00Z, or {{path}}.';
const anything: Check = () => null;
const required = (check: Check): Argument => ({ check, required: true });
const optional = (check: Check): Argument => ({ check });

const eventTypes: readonly string[] = history.eventTypes;
const eventType: Check = (value) =>
  eventTypes.includes(value as string) ? null : `Invalid event type. Supported: ${eventTypes.join(', ')}`;
/** It is sent as a header. */
const eventName: Check = (value) =>
  typeof value === 'string' && /^[\x21-\x7e](?:[\x20-\x7e]{0,118}[\x21-\x7e])?$/.test(value.trim())
    ? null
    : 'Use at most 120 letters without accents, digits and signs.';
const outputKey: Check = (value) =>
  value === 'steps' ? 'This key is taken: what each step did is written there.' : text(value);

const status = { status: required(text) };
const record = { event_type: optional(eventType), previous_state: optional(object), new_state: optional(object) };

/** Arguments of each action; others are kept and mean nothing. */
const actions = {
  create_asset: { asset_tag: required(text), name: required(text) },
  update_asset_status: status,
  set_asset_status: status,
  update_asset_custom_fields: { fields: required(filledObject) },
  dispatch_webhook: { event: required(eventName), endpoint: optional(idOrText), payload: optional(object) },
  create_audit_log: record,
  create_history: record,
  validate_required_fields: { fields: required(texts), source: optional(text) },
  set_output: { key: required(outputKey), value: { check: anything, required: true, nullable: true } },
  print_label: { printer: optional(idOrText), template: optional(idOrText) },
  move_asset: { location: required(idOrText) },
  create_maintenance_record: { scheduled_at: optional(time), notes: optional(anyText) },
} satisfies Record<string, Record<string, Argument>>;

export type ActionName = keyof typeof actions;

const missing = 'This field is required.';

/** What is wrong with a step, by key. What a placeholder brings is told once the step is filled in. */
export function stepFaults(step: Record<string, unknown>, isFilled = false): [string, string][] {
  const { action } = step;
  if (action === undefined) return [['action', missing]];
  if (typeof action !== 'string' || !Object.hasOwn(actions, action))
    return [['action', `Invalid action. Supported: ${Object.keys(actions).join(', ')}`]];
  return Object.entries<Argument>(actions[action as ActionName]).flatMap(([key, argument]): [string, string][] => {
    const value = step[key];
    if (value === null && argument.nullable) return [];
    if (value === undefined || value === null) return argument.required ? [[key, missing]] : [];
    const fault = isFilled || !hasPlaceholder(value) ? argument.check(value) : null;
    return fault ? [[key, fault]] : [];
  });
}

function conditionFaults(condition: Record<string, unknown>): [string, string][] {
  const { field, operator, value } = condition;
  const faults: [string, string][] = [];
  if (text(field)) faults.push(['field', field === undefined ? missing : 'Not a valid string.']);
  if (operator === undefined) faults.push(['operator', missing]);
  else if (!operators.includes(operator as 'equals'))
    faults.push(['operator', `Invalid operator. Supported: ${operators.join(', ')}`]);
  else if (value === undefined && operator !== 'exists') faults.push(['value', missing]);
  else if ((operator === 'in' || operator === 'not_in') && !Array.isArray(value))
    faults.push(['value', 'Expected a list of items.']);
  else if (operator === 'matches') {
    const fault = typeof value === 'string' ? patternFault(value) : 'Not a valid string.';
    if (fault) faults.push(['value', fault]);
  }
  return faults;
}

const checked = (faultsOf: (item: Record<string, unknown>) => [string, string][]) =>
  z.record(z.string(), z.unknown()).superRefine((item, ctx) => {
    for (const [key, message] of faultsOf(item)) ctx.addIssue({ code: 'custom', path: [key], message });
  });

export const Steps = z
  .array(checked((step) => stepFaults(step)))
  .min(1, { error: 'At least one step is required.' })
  .max(maxSteps);

/** A list of conditions, or the older map of path -> value. */
export const EntryConditions = z.union([
  z.array(checked(conditionFaults)).max(maxConditions),
  z.record(z.string(), z.unknown()),
]);

type Entry = z.output<typeof EntryConditions>;

/** What an entry says of a path, in either form. */
function saidOf(entry: Entry, path: string): unknown {
  if (!Array.isArray(entry)) return entry[path];
  return entry.find(({ field }) => field === path)?.value;
}

/** When an `on_time` workflow runs, once its faults are out. */
export const scheduleOf = (entry: Entry): { cron: string; timezone: string } => ({
  cron: saidOf(entry, 'cron') as string,
  timezone: (saidOf(entry, 'timezone') as string | undefined) ?? 'UTC',
});

/** Faults of the schedule of `on_time`: `cron` (five or six fields), and `timezone` by its IANA name, UTC unless said. */
export function scheduleFaults(entry: Entry): Record<string, string[]> {
  const [cron, timezone] = [saidOf(entry, 'cron'), saidOf(entry, 'timezone')];
  const faults: Record<string, string[]> = {};
  if (cron === undefined) faults.cron = ['A workflow that runs on_time needs a cron expression, such as "0 6 * * 1".'];
  else if (typeof cron !== 'string' || !isCron(cron)) faults.cron = ['Not a valid cron expression.'];
  if (timezone !== undefined && !isTimezone(timezone))
    faults.timezone = ['Not a known time zone, such as Europe/Berlin.'];
  return faults;
}

function isTimezone(name: unknown): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name as string });
    return typeof name === 'string' && name !== '';
  } catch {
    return false;
  }
}
