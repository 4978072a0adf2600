import { z } from 'zod';
import { defineResource, type RowOf } from '../../resource/define.ts';
import { optionalInstant, optionalReference, optionalText, text } from '../../resource/fields.ts';

export const formats = ['csv', 'jsonl', 'xlsx'] as const;
export type Format = (typeof formats)[number];

export const statuses = ['pending', 'running', 'done', 'failed', 'cancelled'] as const;

const FilterValue = z.union([z.string().max(512), z.number(), z.boolean()], {
  error: 'Must be text, a number, true or false.',
});

export const exportFiles = defineResource({
  name: 'export',
  path: 'exports',
  table: 'exports',
  area: 'exports',
  fields: z.object({
    resource: text(200).describe('Path of the list below /api/v1/, such as `assets` or `assets/7/history`'),
    format: z.enum(formats).default('csv'),
    filters: z.record(z.string().max(80), FilterValue).default({}).describe("The list's own filters, and `search`"),
    ordering: optionalText(80).describe('As the list has it; its own order unless said'),
    columns: z.array(text(80)).max(200).default([]).describe('Fields in the order wanted; all of them when empty'),
  }),
  readOnly: z.object({
    status: z.enum(statuses),
    /** Percent. */
    progress: z.int(),
    rows: z.int(),
    size: z.int().describe('Bytes'),
    error: z.string(),
    requested_by: optionalReference(),
    requested_by_label: z.string(),
    finished_at: optionalInstant(),
    expires_at: optionalInstant(),
    url: z.string().nullable().default(null).describe('Where the file is, once it is done'),
  }),
  refs: { requested_by: { table: 'users', label: 'User' } },
  search: ['resource', 'requested_by_label'],
  order: '-id',
  filters: ['resource', 'format', 'status', 'requested_by'],
});

export type ExportRow = RowOf<typeof exportFiles>;

/** What is asked for, checked. */
export type Wanted = Pick<ExportRow, 'resource' | 'format' | 'filters' | 'ordering' | 'columns'>;
