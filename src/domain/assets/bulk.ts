/** Up to 1,000 creates and updates in one call, with a result each: a faulty item leaves the others standing. */
import { z } from 'zod';
import { AppError, type FieldErrors } from '../../base/errors.ts';
import type { Context, TenantContext } from '../../db/context.ts';
import { parse } from '../../resource/parse.ts';
import { guarded } from '../../resource/serve.ts';
import { served } from './lifecycle.ts';
import { assets } from './resource.ts';

export const maxItems = 1_000;

/** An item with `id` changes that asset; one without creates. */
export const Bulk = z.object({ items: z.array(z.record(z.string(), z.unknown())).min(1).max(maxItems) });

/** As it is read: an item of another kind is that item's fault and no other's. */
const Items = z.object({ items: z.array(z.unknown()).min(1).max(maxItems) });

const ItemResult = z.object({
  index: z.int(),
  status: z.int(),
  id: z.int().nullable(),
  asset: assets.read.nullable(),
  errors: z.record(z.string(), z.unknown()).nullable(),
});
export const BulkAnswer = z.object({
  created: z.int(),
  updated: z.int(),
  failed: z.int(),
  results: z.array(ItemResult),
});

export function bulk(ctx: Context, body: unknown): Promise<z.output<typeof BulkAnswer>> {
  const write = async (inside: TenantContext) => {
    const { items } = parse(Items, body);
    const results: z.output<typeof ItemResult>[] = [];
    for (const [index, item] of items.entries()) results.push({ index, ...(await one(inside, item)) });
    const count = (status: (code: number) => boolean) => results.filter((result) => status(result.status)).length;
    return {
      created: count((code) => code === 201),
      updated: count((code) => code === 200),
      failed: count((code) => code >= 400),
      results,
    };
  };
  return guarded(ctx, 'assets', 'change', write, { long: true });
}

async function one(ctx: TenantContext, item: unknown): Promise<Omit<z.output<typeof ItemResult>, 'index'>> {
  try {
    return await ctx.db.savepoint(async () => {
      if ((item as { id?: unknown } | null)?.id === undefined) {
        const asset = await served.create(ctx, item);
        return { status: 201, id: asset.id, asset, errors: null };
      }
      const id = parse(z.object({ id: z.int().positive() }), item).id;
      return { status: 200, id, asset: await served.change(ctx, id, item), errors: null };
    });
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500) throw error;
    const errors: FieldErrors | { detail: string } = error.fields ?? { detail: error.message };
    return { status: error.status, id: null, asset: null, errors };
  }
}
