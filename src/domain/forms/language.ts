/** The language of a form: which fields a submission has and what they hold. docs/FORMS.md describes it. */
import { z } from 'zod';
import { patternFault } from '../../base/pattern.ts';
import { parseInstant } from '../../resource/fields.ts';
import { wording } from '../../resource/parse.ts';

export const fieldTypes = ['text', 'integer', 'number', 'boolean', 'date', 'datetime', 'choice', 'choices'] as const;
export const ruleOperators = ['equals', 'not_equals', 'in', 'gt', 'gte', 'lt', 'lte', 'required'] as const;

/** More than a person fills in; each field costs a check on every write. */
const maxFields = 200;
const maxRules = 100;

type FieldType = (typeof fieldTypes)[number];

/** Which constraints belong to which types. */
const constraints: Record<string, readonly FieldType[]> = {
  min: ['integer', 'number', 'date', 'datetime'],
  max: ['integer', 'number', 'date', 'datetime'],
  min_length: ['text'],
  max_length: ['text'],
  pattern: ['text'],
  choices: ['choice', 'choices'],
};

const key = z
  .string()
  .min(1)
  .max(80)
  .regex(/^[^\0.]+$/, { error: 'A field name holds no dots.' })
  // No JSON that is read here can have it.
  .refine((name) => name !== '__proto__', { error: 'A field cannot have this name.' });
const bound = z.union([z.number(), z.string().max(40)], { error: 'A number, a date or a time.' });
const length = z.int().min(0).max(100_000);
const choice = z.union([z.string().max(200), z.number()], { error: 'A text or a number.' });

const FieldSpec = z
  .strictObject({
    /** Its key where `fields` is a list. */
    name: key.optional(),
    type: z.enum(fieldTypes).default('text'),
    label: z.string().max(200).optional(),
    help: z.string().max(1_000).optional(),
    required: z.boolean().default(false),
    min: bound.optional(),
    max: bound.optional(),
    min_length: length.optional(),
    max_length: length.optional(),
    pattern: z.string().optional(),
    choices: z.array(choice).min(1).max(500).optional(),
  })
  .superRefine((spec, ctx) => {
    const fault = (path: string, message: string) => ctx.addIssue({ code: 'custom', path: [path], message });
    for (const [name, types] of Object.entries(constraints))
      if (spec[name as 'min'] !== undefined && !types.includes(spec.type))
        fault(name, `A field of type ${spec.type} has no ${name}.`);
    for (const name of ['min', 'max'] as const)
      if (spec[name] !== undefined && !isBound(spec.type, spec[name]))
        fault(name, `Not a valid limit of type ${spec.type}.`);
    if (isAbove(spec.min, spec.max)) fault('max', 'This is less than min.');
    if (isAbove(spec.min_length, spec.max_length)) fault('max_length', 'This is less than min_length.');
    if ((spec.type === 'choice' || spec.type === 'choices') && !spec.choices)
      fault('choices', 'This field is required.');
    const faulty = spec.pattern === undefined ? null : patternFault(spec.pattern);
    if (faulty) fault('pattern', faulty);
  });

export type FieldSpec = z.output<typeof FieldSpec>;

const fieldMap = z.record(key, FieldSpec).refine((fields) => Object.keys(fields).length <= maxFields, {
  error: `A form has at most ${maxFields} fields.`,
});
const fieldList = z
  .array(FieldSpec)
  .max(maxFields)
  .superRefine((fields, ctx) => {
    const seen = new Set<string>();
    for (const [index, { name }] of fields.entries()) {
      const message = name === undefined ? 'This field is required.' : seen.has(name) ? 'This name is taken.' : null;
      if (message) ctx.addIssue({ code: 'custom', path: [index, 'name'], message });
      if (name !== undefined) seen.add(name);
    }
  });

const Layout = z.strictObject({ title: z.string().max(200).optional(), fields: z.unknown() });

/** `{}` has no fields of its own: `required_fields` and rules may still name some. */
export const FormSchema = z.record(z.string(), z.unknown()).superRefine((schema, ctx) => {
  if (Object.keys(schema).length === 0) return;
  forward(ctx, Layout.safeParse(schema, { error: wording }));
  const { fields } = schema;
  if (fields === undefined) ctx.addIssue({ code: 'custom', path: ['fields'], message: 'This field is required.' });
  else if (Array.isArray(fields)) forward(ctx, fieldList.safeParse(fields, { error: wording }), ['fields']);
  else forward(ctx, fieldMap.safeParse(fields, { error: wording }), ['fields']);
});

const operand = z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.union([z.string(), z.number()]))], {
  error: 'A text, a number, true, false, null or a list.',
});
/** A comparison that can never hold would refuse every write to the target. */
function checkOperand({ operator, value }: { operator: string; value?: unknown }, ctx: z.RefinementCtx): void {
  const fault = (message: string) => ctx.addIssue({ code: 'custom', path: ['value'], message });
  if (value === undefined) return;
  if (operator === 'in' && !Array.isArray(value)) fault('Expected a list of items.');
  if (ordered.includes(operator) && typeof value !== 'number' && typeof value !== 'string')
    fault('A number, a date or a time.');
}
const ordered = ['gt', 'gte', 'lt', 'lte'];

const Condition = z
  .strictObject({ field: key, operator: z.enum(ruleOperators).exclude(['required']), value: operand })
  .superRefine(checkOperand);
const Rule = z
  .strictObject({
    field: key,
    operator: z.enum(ruleOperators),
    value: operand.optional(),
    /** Compare with this field instead of a value. */
    other_field: key.optional(),
    when: Condition.optional(),
    message: z.string().min(1).max(200).optional(),
  })
  .superRefine((rule, ctx) => {
    const given = Number(rule.value !== undefined) + Number(rule.other_field !== undefined);
    const fault = (message: string) => ctx.addIssue({ code: 'custom', path: ['value'], message });
    if (rule.operator === 'required') {
      if (given > 0) fault('The operator required has no value.');
    } else if (given !== 1) fault('Give value or other_field.');
    else checkOperand(rule, ctx);
  });

export type Condition = z.output<typeof Condition>;
export type Rule = z.output<typeof Rule>;
export const Rules = z.array(Rule).max(maxRules);
export const RequiredFields = z.array(key).max(maxFields);

/** The fields of a valid schema by key. */
export function fieldsOf(schema: Record<string, unknown>): [string, FieldSpec][] {
  const { fields } = schema;
  if (fields === undefined) return [];
  const parsed = Array.isArray(fields)
    ? fieldList.parse(fields).map((spec): [string, FieldSpec] => [spec.name!, spec])
    : Object.entries(fieldMap.parse(fields));
  return parsed;
}

function forward(ctx: z.RefinementCtx, result: z.ZodSafeParseResult<unknown>, within: string[] = []): void {
  for (const { path, message } of result.error?.issues ?? [])
    ctx.addIssue({ code: 'custom', path: [...within, ...path], message });
}

function isBound(type: FieldType, value: number | string): boolean {
  if (type === 'date') return typeof value === 'string' && isDate(value);
  if (type === 'datetime') return typeof value === 'string' && parseInstant(value) !== null;
  return typeof value === 'number';
}

function isAbove(low: number | string | undefined, high: number | string | undefined): boolean {
  const [one, two] = [low, high].map((side) => (typeof side === 'string' ? (parseInstant(side) ?? side) : side));
  return one !== undefined && two !== undefined && typeof one === typeof two && one > two;
}

/** A day that exists, as 2026-01-31. */
export const isDate = (value: string): boolean =>
  /^\d{4}-\d\d-\d\d$/.test(value) && parseInstant(`${value}T00:00:00Z`) !== null;
