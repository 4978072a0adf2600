/** A preset's parts -> rows, each through its own service, so that a faulty one is refused as it would be there. */
import { z } from 'zod';
import { AppError, type FieldErrors, Invalid } from '../../base/errors.ts';
import type { Context, TenantContext } from '../../db/context.ts';
import { type AnyResource, columnOf } from '../../resource/define.ts';
import { guarded, type Served } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import * as categories from '../categories/service.ts';
import * as forms from '../forms/service.ts';
import * as templates from '../templates/service.ts';
import * as workflows from '../workflows/service.ts';
import { industryPresets, type PartName, type PresetRow, partNames } from './resource.ts';

const Made = z.object({ created: z.array(z.int()), existing: z.array(z.int()) });
export const Applied = z.object({ categories: Made, forms: Made, templates: Made, workflows: Made });
export type Applied = z.output<typeof Applied>;

/** Where each part goes, and the field by which one that is there already is known. */
const parts: Record<PartName, { served: Served<AnyResource>; by: string }> = {
  categories: { served: categories.served as never, by: 'code' },
  forms: { served: forms.served as never, by: 'name' },
  templates: { served: templates.served as never, by: 'name' },
  workflows: { served: workflows.served as never, by: 'name' },
};

/** Makes what is missing, all of it or nothing. What is there already stays as it is, so that it may be applied again. */
export const apply = (ctx: Context, id: number): Promise<Applied> =>
  guarded(
    ctx,
    'other',
    'execute',
    async (inside) => {
      const preset = await store.get(inside, industryPresets, id, true);
      if (!preset.is_active) throw new Invalid('This preset is not active. Set is_active first.');
      // Names are not unique by an index: of two applied at once neither would see the other's rows.
      await inside.db.query(`SELECT id FROM tenants WHERE id = ?${inside.db.forUpdate}`, [inside.tenant.id]);
      const applied: Partial<Applied> = {};
      for (const part of partNames) applied[part] = await makeAll(inside, preset, part);
      return applied as Applied;
    },
    { long: true },
  );

async function makeAll(ctx: TenantContext, { config }: PresetRow, part: PartName): Promise<z.output<typeof Made>> {
  const made: z.output<typeof Made> = { created: [], existing: [] };
  for (const [index, item] of (config[part] ?? []).entries()) {
    const known = await find(ctx, part, item[parts[part].by]);
    if (known !== undefined) made.existing.push(known);
    else made.created.push(await make(ctx, part, item, index));
  }
  return made;
}

async function find(ctx: TenantContext, part: PartName, value: unknown): Promise<number | undefined> {
  if (typeof value !== 'string') return undefined;
  const { served, by } = parts[part];
  const row = await store.findBy(ctx, served.resource, columnOf(served.resource, by), value.trim());
  return row?.id as number | undefined;
}

async function make(ctx: TenantContext, part: PartName, item: Record<string, unknown>, index: number): Promise<number> {
  try {
    const body = part === 'categories' ? await withParent(ctx, item) : item;
    return ((await parts[part].served.create(ctx, body)) as { id: number }).id;
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500 || error.status === 403) throw error;
    const fields: FieldErrors = error.fields ?? { non_field_errors: [error.message] };
    throw new Invalid({ config: { [part]: { [String(index)]: fields } } });
  }
}

/** A preset knows no ids: it names the parent by its code. */
async function withParent(ctx: TenantContext, { parent, ...item }: Record<string, unknown>) {
  if (parent === undefined || parent === null) return item;
  const id = await find(ctx, 'categories', parent);
  if (id === undefined) throw new Invalid({ parent: ['There is no category with this code.'] });
  return { ...item, parent: id };
}
