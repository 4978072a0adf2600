/** A batch and its labels, written together; each code is registered, so that it is known before it is claimed. */
import { Conflict, Invalid } from '../../base/errors.ts';
import { type TenantContext, timestamp } from '../../db/context.ts';
import { UniqueViolation } from '../../db/errors.ts';
import * as jobs from '../../queue/jobs.ts';
import type { Fields } from '../../resource/define.ts';
import * as store from '../../resource/store.ts';
import * as outbox from '../outbox/service.ts';
import * as templates from '../templates/service.ts';
import { checkPrintable, codesOf, inChunks, type Numbers } from './codes.ts';
import { type BatchRow, barcodeBatches } from './resource.ts';

/** More are written by a job, a part at a time: they would hold the one writer of SQLite for too long. */
export const writtenAtOnce = 10_000;
const most = 1_000_000;

export async function create(ctx: TenantContext, values: Fields<typeof barcodeBatches>): Promise<BatchRow> {
  const count = countOf(values);
  const template = await templates.byIdOrDefault(ctx, values.template);
  const later = count > writtenAtOnce;
  await checkTemplate(template, values, later ? samplesOf(values) : codesOf(values));
  const batch = await store.insert(ctx, barcodeBatches, {
    ...values,
    generated_by: ctx.actor.kind === 'user' ? ctx.actor.id : null,
    generated_at: later ? null : timestamp(ctx),
    status: later ? 'pending' : 'ready',
    progress: later ? 0 : 100,
    error: '',
  });
  if (later) {
    const payload = { batch: batch.id };
    jobs.add(ctx, { kind: 'batch.generate', queue: 'system', tenant: ctx.tenant.id, payload });
    return batch;
  }
  await writePart(ctx, batch, [...codesOf(values)], values.start_sequence);
  tellGenerated(ctx, batch);
  return batch;
}

export const tellGenerated = (ctx: TenantContext, batch: BatchRow): void =>
  outbox.append(ctx, { name: 'batch.generated', entity: barcodeBatches.entity, entity_id: batch.id, data: batch });

/** Labels and codes of a part of the batch, the first of them with that number. Conflict when one of them is taken. */
export async function writePart(ctx: TenantContext, batch: BatchRow, codes: string[], first: number): Promise<void> {
  const template = await templates.byIdOrDefault(ctx, batch.template);
  await refusePrinted(ctx, codes);
  const registered = await registeredAmong(ctx, codes);
  refuseRevoked(registered);
  const assets = await assetsOf(ctx, codes, registered);
  const unknown = codes.filter((code) => !registered.has(code) && !assets.has(code));
  await unlessRaced(async () => {
    await writeLabels(ctx, { batch, first, codes, assets }, template);
    await registerCodes(ctx, unknown, template.symbology);
  });
}

function countOf({ start_sequence: first, end_sequence: last }: Numbers): number {
  if (last < first) throw new Invalid({ end_sequence: ['It must not be less than start_sequence.'] });
  const count = last - first + 1;
  if (count <= most) return count;
  throw new Invalid({
    end_sequence: [`A batch holds at most 1,000,000 labels, and this would be ${count}. Create several batches.`],
  });
}

/** The first and last code of each length: what cannot be printed at all is told at once, and the rest by the job. */
function* samplesOf({ prefix, start_sequence: first, end_sequence: last }: Numbers): Generator<string> {
  for (let digits = String(first).length; digits <= String(last).length; digits += 1) {
    yield `${prefix}${Math.max(first, digits === 1 ? 0 : 10 ** (digits - 1))}`;
    yield `${prefix}${Math.min(last, 10 ** digits - 1)}`;
  }
}

/** Invalid on `template` when one of the codes cannot be printed with it. */
export async function checkTemplate(
  template: templates.LabelTemplate,
  numbers: Numbers,
  codes: Iterable<string> = codesOf(numbers),
): Promise<void> {
  const { compile } = await import('../../render/labels.ts');
  await checkPrintable(compile(template), codes);
}

/** A code is printed once: two labels with one code would name two things. */
async function refusePrinted(ctx: TenantContext, codes: string[]): Promise<void> {
  const sql = 'SELECT code_value AS code FROM barcode_labels WHERE tenant_id = ? AND code_value IN';
  const printed = new Set((await selectIn<{ code: string }>(ctx, sql, codes)).map(({ code }) => code));
  const first = codes.find((code) => printed.has(code));
  if (first !== undefined)
    throw new Conflict(
      `${printed.size} of these codes are in another batch already, such as ${first}. Choose other numbers or another prefix.`,
    );
}

interface Registered {
  code: string;
  asset: number | null;
  status: string;
}

async function registeredAmong(ctx: TenantContext, codes: string[]): Promise<Map<string, Registered>> {
  const sql = 'SELECT code, asset_id AS asset, status FROM asset_codes WHERE tenant_id = ? AND code IN';
  const rows = await selectIn<Registered>(ctx, sql, codes);
  return new Map(rows.map((row) => [row.code, row]));
}

/** A revoked code resolves to nothing, so a label with it would be dead from the start. */
function refuseRevoked(registered: Map<string, Registered>): void {
  const revoked = [...registered.values()].find(({ status }) => status === 'revoked');
  if (revoked)
    throw new Conflict(
      `The code ${revoked.code} was revoked. Choose other numbers or another prefix, or reinstate it.`,
    );
}

/** What a scan of each code would find: the asset it is registered to, else the one that has it for a tag. */
async function assetsOf(
  ctx: TenantContext,
  codes: string[],
  registered: Map<string, Registered>,
): Promise<Map<string, number>> {
  const sql = 'SELECT id, asset_tag FROM assets WHERE tenant_id = ? AND asset_tag IN';
  const tagged = await selectIn<{ id: number; asset_tag: string }>(ctx, sql, codes);
  const assets = new Map(tagged.map(({ id, asset_tag }) => [asset_tag, id]));
  for (const { code, asset } of registered.values()) if (asset !== null) assets.set(code, asset);
  return assets;
}

interface Part {
  batch: BatchRow;
  /** Number of the first. */
  first: number;
  codes: string[];
  assets: Map<string, number>;
}

async function writeLabels(
  ctx: TenantContext,
  { batch, first, codes, assets }: Part,
  { name: template = '', symbology }: templates.LabelTemplate,
): Promise<void> {
  const now = timestamp(ctx);
  const rows = codes.map((code, index) => ({
    tenant_id: ctx.tenant.id,
    batch_id: batch.id,
    asset_id: assets.get(code) ?? null,
    sequence: first + index,
    code_value: code,
    render_payload: JSON.stringify({ code, symbology, template }),
    // Files and ZPL are drawn when asked for, so that a change of the asset or template shows.
    pdf_path: '',
    zpl_payload: '',
    created_at: now,
    updated_at: now,
  }));
  await ctx.db.insertMany('barcode_labels', rows);
}

/** A code that is registered already keeps its state, and an asset's tag needs no second entry: neither comes here. */
async function registerCodes(ctx: TenantContext, codes: string[], symbology: string): Promise<void> {
  const now = timestamp(ctx);
  const rows = codes.map((code) => ({
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

/** Between the look and the write another batch or a person may have taken a code; the unique index then tells. */
async function unlessRaced(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof UniqueViolation)) throw error;
    throw new Conflict('One of these codes was taken just now. Try again to see which.', { cause: error });
  }
}

/** `sql` ends in IN. */
async function selectIn<T>(ctx: TenantContext, sql: string, all: string[]): Promise<T[]> {
  const found: T[] = [];
  for (const { codes, marks } of inChunks(all))
    found.push(...(await ctx.db.query<T>(`${sql} (${marks})`, [ctx.tenant.id, ...codes])));
  return found;
}
