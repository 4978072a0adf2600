import { z } from 'zod';
import { defineResource, type RowOf } from '../../resource/define.ts';
import { flag, longText, text } from '../../resource/fields.ts';

/** The renderer's list, spelt out here so that a definition does not load the renderer; a test holds the two together. */
export const symbologies = [
  'qr',
  'gs1-qr',
  'datamatrix',
  'gs1-datamatrix',
  'aztec',
  'pdf417',
  'code128',
  'gs1-128',
  'code39',
  'ean13',
  'ean8',
  'upca',
  'itf14',
  'gs1',
] as const;

export const barcodeTemplates = defineResource({
  name: 'barcode template',
  path: 'barcode-templates',
  table: 'barcode_templates',
  area: 'assets',
  fields: z.object({
    name: text(120),
    symbology: z.enum(symbologies).default('qr'),
    width_mm: z.number().min(5).max(300).default(50),
    height_mm: z.number().min(5).max(500).default(25),
    dpi: z.union([z.literal(203), z.literal(300), z.literal(600)], { error: 'Choose 203, 300 or 600.' }).default(203),
    text_template: longText(2_000),
    zpl_template: longText(20_000),
    is_default: flag(false),
  }),
  search: ['name'],
  ordering: ['name'],
  order: 'name',
  filters: ['name', 'symbology', 'is_default'],
});

export type TemplateRow = RowOf<typeof barcodeTemplates>;
