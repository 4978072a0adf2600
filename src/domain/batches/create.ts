/** A batch and its labels, written together; each code is registered, so that it is known before it is claimed. */
import { Conflict, Invalid } from '../../base/errors.ts';
import { type TenantContext, timestamp } from '../../db/context.ts';
import type { Fields } from '../../resource/define.ts';
import * as store from '../../resource/store.ts';
import * as templates from '../templates/service.ts';
import { type BatchRow, barcodeBatches } from './resource.ts';

/** More are for the job engine; they would hold the one writer of SQLite for too long. */
export const maxLabels = 10_000;
/** Codes asked for in one statement. */
const chunk = 500;

export async function create(ctx: TenantContext, values: Fields<typeof barcodeBatches>): Promise<BatchRow> {
  const codes = codesOf(values);
  const template = await templates.byIdOrDefault(ctx, values.template);
  await checkPrintable(template, ctx, codes);
  await refuseTaken(ctx, codes);
  const batch = await store.insert(ctx, barcodeBatches, {
    ...values,
    generated_by: ctx.actor.kind === 'user' ? ctx.actor.id : null,
    generated_at: timestamp(ctx),
    status: 'ready',
    progress: 100,
  });
  const assets = await assetsTagged(ctx, codes);
  await writeLabels(ctx, batch, codes, assets, template.symbology);
  await registerCodes(ctx, codes, assets, template.symbology);
  return batch;
}

function codesOf({ prefix, start_sequence: first, end_sequence: last }: Fields<typeof barcodeBatches>): string[] {
  if (last < first) throw new Invalid({ end_sequence: ['It must not be less than start_sequence.'] });
  const count = last - first + 1;
  if (count > maxLabels)
    throw new Invalid({
      end_sequence: [`A batch holds at most 10,000 labels, and this would be ${count}. Create several batches.`],
    });
  return Array.from({ length: count }, (_, index) => `${prefix}${first + index}`);
}

/** The longest code needs the most room, so it speaks for all. */
async function checkPrintable(
  template: templates.LabelTemplate,
  { tenant }: TenantContext,
  codes: string[],
): Promise<void> {
  const { checkFits, compile } = await import('../../render/labels.ts');
  try {
    checkFits(compile(template), { code: codes.at(-1)!, asset: null, tenant });
  } catch (error) {
    if (error instanceof Invalid && error.fields?.code)
      throw new Invalid({ template: error.fields.code }, { cause: error });
    throw error;
  }
}

/** A code is printed once: two labels with one code would name two things. */
async function refuseTaken(ctx: TenantContext, codes: string[]): Promise<void> {
  const taken = await selectIn<{ code: string }>(
    ctx,
    'SELECT code_value AS code FROM barcode_labels WHERE tenant_id = ? AND code_value IN',
    codes,
  );
  const [first] = taken.map(({ code }) => code).sort();
  if (first !== undefined)
    throw new Conflict(
      `${taken.length} of these codes are in another batch already, such as ${first}. Choose other numbers or another prefix.`,
    );
}

async function assetsTagged(ctx: TenantContext, codes: string[]): Promise<Map<string, number>> {
  const sql = 'SELECT id, asset_tag FROM assets WHERE tenant_id = ? AND asset_tag IN';
  const rows = await selectIn<{ id: number; asset_tag: string }>(ctx, sql, codes);
  return new Map(rows.map(({ id, asset_tag }) => [asset_tag, id]));
}

async function writeLabels(
  ctx: TenantContext,
  batch: BatchRow,
  codes: string[],
  assets: Map<string, number>,
  symbology: string,
): Promise<void> {
  const now = timestamp(ctx);
  const rows = codes.map((code, index) => ({
    tenant_id: ctx.tenant.id,
    batch_id: batch.id,
    asset_id: assets.get(code) ?? null,
    sequence: batch.start_sequence + index,
    code_value: code,
    render_payload: JSON.stringify({ code, symbology }),
    pdf_path: '',
    zpl_payload: '',
    created_at: now,
    updated_at: now,
  }));
  await ctx.db.insertMany('barcode_labels', rows);
}

/** A code that is registered already keeps its state; one that is an asset's tag needs no second entry. */
async function registerCodes(
  ctx: TenantContext,
  codes: string[],
  assets: Map<string, number>,
  symbology: string,
): Promise<void> {
  const known = await selectIn<{ code: string }>(
    ctx,
    'SELECT code FROM asset_codes WHERE tenant_id = ? AND code IN',
    codes,
  );
  const taken = new Set(known.map(({ code }) => code));
  const now = timestamp(ctx);
  const rows = codes
    .filter((code) => !taken.has(code) && !assets.has(code))
    .map((code) => ({
      tenant_id: ctx.tenant.id,
      asset_id: null,
      code,
      symbology,
      status: 'unclaimed',
      note: '',
      claimed_at: null,
      revoked_at: null,
      created_at: now,
      updated_at: now,
    }));
  await ctx.db.insertMany('asset_codes', rows);
}

/** `sql` ends in IN; the codes are asked for in chunks, below every database's limit of parameters. */
async function selectIn<T>(ctx: TenantContext, sql: string, codes: string[]): Promise<T[]> {
  const found: T[] = [];
  for (let from = 0; from < codes.length; from += chunk) {
    const part = codes.slice(from, from + chunk);
    found.push(...(await ctx.db.query<T>(`${sql} (${part.map(() => '?').join(', ')})`, [ctx.tenant.id, ...part])));
  }
  return found;
}
