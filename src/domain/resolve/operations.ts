/** Questions about a code: is it valid, what is on this picture, which asset is it. All are reads, open to every role. */
import { z } from 'zod';
import { Malformed } from '../../base/errors.ts';
import { parse } from '../../resource/parse.ts';
import { guarded, type Operation } from '../../resource/serve.ts';
import * as assets from '../assets/service.ts';
import * as barcodes from '../barcodes/service.ts';
import { assetOf } from './service.ts';

/** Longer than any symbol holds; beyond it is not a barcode but a mistake. */
const maxValue = 8_192;

export const Validate = z.object({
  symbology: z.string().max(40).default('unknown'),
  raw_value: z.string().min(1).max(maxValue),
});
export const Validation = z.object({
  valid: z.boolean(),
  errors: z.array(z.string()),
  error_codes: z.array(z.string()),
  decoded: z.looseObject({ symbology: z.string(), raw: z.string(), decoded_at: z.string() }),
});
export const Decoded = z.object({ results: z.array(z.looseObject({ symbology: z.string(), value: z.string() })) });

const base = { area: 'assets', action: 'view', status: 200 } as const;

export const codeOperations: Operation[] = [
  {
    ...base,
    id: 'barcodes.validate',
    method: 'POST',
    path: 'barcodes/validate',
    tag: 'barcodes',
    summary: 'Check a code against the rules of its symbology and take it apart',
    kind: 'value',
    body: Validate,
    answer: Validation,
    run: (ctx, input) => guarded(ctx, 'assets', 'view', async () => barcodes.validate(parse(Validate, input.body))),
  },
  {
    ...base,
    id: 'barcodes.decode',
    method: 'POST',
    path: 'barcodes/decode',
    tag: 'barcodes',
    summary: 'Read the codes on a picture (PNG or JPEG)',
    kind: 'value',
    bodyKind: 'image',
    answer: Decoded,
    run: (ctx, input) =>
      guarded(ctx, 'assets', 'view', async () => ({ results: await barcodes.decodeImage(input.body as Buffer) })),
  },
  {
    ...base,
    id: 'lookups.assets',
    method: 'GET',
    path: 'lookups/assets',
    tag: 'lookups',
    summary: 'Find the asset that a scanned text names',
    kind: 'row',
    query: z.object({ barcode: z.string().min(1).max(maxValue) }),
    answer: assets.resource.read,
    run: (ctx, input) => assetOf(ctx, barcodeOf(input.query.barcode)),
  },
];

function barcodeOf(text: string | string[] | undefined): string {
  const barcode = Array.isArray(text) ? text[0] : text;
  // The words that old clients show.
  if (!barcode) throw new Malformed('barcode query param is required');
  return barcode;
}
