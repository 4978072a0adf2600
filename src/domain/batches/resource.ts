import { z } from 'zod';
import { defineResource, type RowOf } from '../../resource/define.ts';
import {
  jsonObject,
  optionalInstant,
  optionalReference,
  optionalText,
  reference,
  text,
} from '../../resource/fields.ts';

export const batchStatuses = ['pending', 'generating', 'ready', 'failed'] as const;

export const barcodeBatches = defineResource({
  name: 'barcode batch',
  path: 'barcode-batches',
  table: 'barcode_batches',
  area: 'assets',
  fields: z.object({
    template: optionalReference(),
    prefix: optionalText(60),
    start_sequence: z.int().min(0).max(999_999_999_999),
    end_sequence: z.int().min(0).max(999_999_999_999),
    payload_schema: jsonObject(),
  }),
  readOnly: z.object({
    generated_by: optionalReference(),
    generated_at: optionalInstant(),
    status: z.enum(batchStatuses),
    progress: z.int().describe('Percent of its labels that are there'),
    error: z.string().describe('Why a failed one has no labels'),
  }),
  refs: {
    template: { table: 'barcode_templates', label: 'Barcode template' },
    generated_by: { table: 'users', label: 'User' },
  },
  search: ['prefix'],
  ordering: ['prefix'],
  order: '-id',
  filters: ['status', 'template', 'prefix'],
});

export type BatchRow = RowOf<typeof barcodeBatches>;

/** Written with their batch; a client only reads them. */
export const barcodeLabels = defineResource({
  name: 'barcode label',
  path: 'barcode-labels',
  table: 'barcode_labels',
  area: 'assets',
  fields: z.object({}),
  readOnly: z.object({
    batch: reference(),
    asset: optionalReference(),
    sequence: z.int(),
    code_value: text(255),
    render_payload: jsonObject(),
    pdf_path: z.string(),
    zpl_payload: z.string(),
  }),
  refs: { batch: { table: 'barcode_batches', label: 'Barcode batch' }, asset: { table: 'assets', label: 'Asset' } },
  search: ['code_value'],
  ordering: ['sequence', 'code_value'],
  order: 'sequence',
  filters: ['asset', 'code_value'],
});
