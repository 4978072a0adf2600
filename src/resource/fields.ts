/** The kinds of field a resource is made of. A kind says what is accepted, and how the column keeps it. */
import { z } from 'zod';

/** How a value lies in its column; `plain` is stored as it is. */
export type Codec = 'plain' | 'json' | 'boolean';

const nul = 'Null characters are not allowed.';
const broken = 'Not a valid string: it holds half a character (a lone surrogate).';
const control = 'Control characters are not allowed.';

const storable = (max: number) =>
  z
    .string()
    .max(max)
    .refine((text) => !text.includes('\0'), { error: nul, abort: true })
    .refine((text) => text.isWellFormed(), { error: broken, abort: true });

const oneLine = (max: number) =>
  storable(max).refine((text) => !/[\u0001-\u001f\u007f]/.test(text), { error: control, abort: true });

/** One line that must hold more than blanks; blanks around it are cut. */
export const text = (max: number) => oneLine(max).trim().min(1);

/** One line that may be empty, and is by default. */
export const optionalText = (max: number) => oneLine(max).trim().default('');

/** Several lines, may be empty. */
export const longText = (max = 10_000) =>
  storable(max)
    .refine((value) => !/[\u0001-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(value), { error: control, abort: true })
    .default('');

/** What a scanner sent: any character but NUL, kept as it came. */
export const rawText = (max: number) => storable(max).min(1);

export const flag = (byDefault: boolean) => z.boolean().default(byDefault);
export const jsonObject = () => z.record(z.string(), z.unknown()).default({});
export const jsonList = () => z.array(z.unknown()).default([]);

/** Any JSON value, for what is kept as it came. Only ever read back. */
export const anyJson = () => z.unknown();

/** Identity of another row; the definition's `refs` says of which table. */
export const reference = () => z.int().positive();
export const optionalReference = () => reference().nullable().default(null);

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i;
const notAnInstant = 'Datetime has wrong format. Use RFC 3339, such as 2026-01-31T12:00:00Z.';

/** RFC 3339 with any offset in, UTC with milliseconds out. A day that does not exist is refused. */
export const instant = () =>
  z
    .string()
    .refine((value) => parseInstant(value) !== null, { error: notAnInstant, abort: true })
    .overwrite((value) => parseInstant(value) ?? value)
    .meta({ format: 'date-time' });
export const optionalInstant = () => instant().nullable().default(null);

/** The stored form of an RFC 3339 text, or null when it is none. */
export function parseInstant(value: string): string | null {
  if (!rfc3339.test(value)) return null;
  const [year, month, day] = value.slice(0, 10).split('-').map(Number) as [number, number, number];
  const lastDay = new Date(Date.UTC(year, month, 0)).getUTCDate();
  const moment = new Date(value.toUpperCase());
  if (month < 1 || month > 12 || day < 1 || day > lastDay || Number.isNaN(moment.getTime())) return null;
  const iso = moment.toISOString();
  return iso.length === 24 ? iso : null;
}

/** Degrees, number or decimal text in, text with six decimals out, as the older service answered. */
export const degrees = (limit: 90 | 180) =>
  z
    .union([z.number(), z.string().regex(/^-?\d{1,3}(\.\d+)?$/)], { error: 'A valid number is required.' })
    .refine((value) => Math.abs(Number(value)) <= limit, {
      error: `Ensure this value is between -${limit} and ${limit}.`,
      abort: true,
    })
    .transform((value) =>
      Number(value)
        .toFixed(6)
        .replace(/^-(0\.0+)$/, '$1'),
    )
    .pipe(z.string())
    .nullable()
    .default(null);

/** How a field lies in its column, told from its schema. */
export function codecOf(schema: z.ZodType): Codec {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodBoolean) return 'boolean';
  if (inner instanceof z.ZodUnknown) return 'json';
  if (inner instanceof z.ZodRecord || inner instanceof z.ZodArray || inner instanceof z.ZodObject) return 'json';
  const choices = inner instanceof z.ZodUnion ? (inner.options as z.ZodType[]) : [];
  return choices.length > 0 && choices.every((choice) => codecOf(choice) === 'json') ? 'json' : 'plain';
}

/** The schema without default, null and optional around it. */
export function unwrap(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodNullable || schema instanceof z.ZodOptional)
    return unwrap(schema.unwrap() as z.ZodType);
  return schema;
}

/** The schema of an answer: always there, so neither default nor optional. */
export function answered(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) return answered(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodNullable) return answered(schema.unwrap() as z.ZodType).nullable();
  return schema instanceof z.ZodPipe ? (schema.out as z.ZodType) : schema;
}
