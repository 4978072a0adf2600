/** Label templates of a tenant. A faulty one is refused when it is written, not when a pallet waits. */
import { Invalid } from '../../base/errors.ts';
import { type TenantContext, timestamp } from '../../db/context.ts';
import type { LabelTemplate } from '../../render/labels.ts';
import type { Fields } from '../../resource/define.ts';
import { type Operation, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { barcodeTemplates, type TemplateRow } from './resource.ts';

export type { LabelTemplate } from '../../render/labels.ts';

export const served = serve(barcodeTemplates, { create, update, remove });
export const templateOperations: Operation[] = served.operations;

/** Loaded where a label is drawn: the renderer and its fonts are heavy. */
const renderer = () => import('../../render/labels.ts');

async function create(ctx: TenantContext, values: Fields<typeof barcodeTemplates>): Promise<TemplateRow> {
  (await renderer()).compile(values);
  if (values.is_default) await clearDefault(ctx);
  return store.insert(ctx, barcodeTemplates, values);
}

async function update(
  ctx: TenantContext,
  row: TemplateRow,
  changes: Partial<Fields<typeof barcodeTemplates>>,
): Promise<TemplateRow> {
  (await renderer()).compile({ ...row, ...changes });
  if (changes.is_default && !row.is_default) await clearDefault(ctx);
  return store.update(ctx, barcodeTemplates, row, changes);
}

/** Batches that used it keep their labels and print as the default does. */
async function remove(ctx: TenantContext, row: TemplateRow): Promise<void> {
  await ctx.db.execute('UPDATE barcode_batches SET template_id = NULL WHERE template_id = ?', [row.id]);
  await store.remove(ctx, barcodeTemplates, row.id);
}

/** A tenant has one default at most. Locks the tenant: of two made at once neither would see the other. */
async function clearDefault(ctx: TenantContext): Promise<void> {
  await ctx.db.query(`SELECT id FROM tenants WHERE id = ?${ctx.db.forUpdate}`, [ctx.tenant.id]);
  const sql = 'UPDATE barcode_templates SET is_default = ?, updated_at = ? WHERE tenant_id = ? AND is_default = ?';
  await ctx.db.execute(sql, [false, timestamp(ctx), ctx.tenant.id, true]);
}

/** A template by its id or name, or a shipped layout such as `50x25` with a QR code. Invalid names those there are. */
export async function named(ctx: TenantContext, reference: string): Promise<LabelTemplate> {
  const row = await rowNamed(ctx, reference);
  return row ?? shipped(reference, await namesOf(ctx));
}

/** The template of that identity; of the tenant's default, else 50 × 25 mm with a QR code, when it is null. */
export async function byIdOrDefault(ctx: TenantContext, id: number | null): Promise<LabelTemplate> {
  if (id !== null) return store.get(ctx, barcodeTemplates, id);
  const chosen = await store.findBy(ctx, barcodeTemplates, 'is_default', true);
  return chosen ?? shipped('50x25', []);
}

/** The identity of a tenant's template, for a batch. Invalid names those there are. */
export async function idOfNamed(ctx: TenantContext, reference: string): Promise<number> {
  const row = await rowNamed(ctx, reference);
  if (row) return row.id;
  const names = await namesOf(ctx);
  throw new Invalid({ template: [`There is no template "${reference}". There are: ${names.join(', ') || 'none'}.`] });
}

async function rowNamed(ctx: TenantContext, reference: string): Promise<TemplateRow | undefined> {
  const byName = await store.findBy(ctx, barcodeTemplates, 'name', reference);
  if (byName || !/^\d{1,15}$/.test(reference)) return byName;
  const byId = await store.find(ctx, barcodeTemplates, Number(reference));
  return byId?.tenant === ctx.tenant.id ? byId : undefined;
}

async function shipped(name: string, ownNames: readonly string[]): Promise<LabelTemplate> {
  const { getLayout, listLayouts } = await renderer();
  const layouts = listLayouts().map((layout) => layout.name);
  if (!layouts.includes(name))
    throw new Invalid({
      template: [`There is no template "${name}". There are: ${[...ownNames, ...layouts].join(', ')}.`],
    });
  const layout = getLayout(name);
  return { name, symbology: 'qr', width_mm: layout.width_mm, height_mm: layout.height_mm, dpi: 203, layout };
}

async function namesOf(ctx: TenantContext): Promise<string[]> {
  const sql = 'SELECT name FROM barcode_templates WHERE tenant_id = ? ORDER BY name';
  return (await ctx.db.query<{ name: string }>(sql, [ctx.tenant.id])).map(({ name }) => name);
}
