/** Whose labels are printed, each with what its template may show. Rows are read a chunk at a time, twice: see `print`. */
import { Conflict, NotFound } from '../../base/errors.ts';
import type { TenantContext } from '../../db/context.ts';
import type { LabelData } from '../../render/labels.ts';
import { list, parseListQuery, type QueryText } from '../../resource/pages.ts';
import * as store from '../../resource/store.ts';
import * as assets from '../assets/service.ts';
import * as templates from '../templates/service.ts';
import { codesOf, type Numbers, symbolText } from './codes.ts';
import { type BatchRow, barcodeBatches } from './resource.ts';

/** What is printed: a batch or a range of its numbers, assets by tag, or assets that a list query finds. */
export type Source =
  | { batch: number; from?: number | undefined; to?: number | undefined }
  | { tags: string[] }
  | { query: QueryText }
  | { asset: assets.AssetRow };

export interface Job {
  /** Of the file, without its ending. */
  name: string;
  template: templates.LabelTemplate;
  /** Every call walks anew. */
  codes(): Iterable<string> | AsyncIterable<string>;
  labels(symbology: string): AsyncIterable<Item>;
}

/** A label's data, and whose it is. */
export interface Item {
  /** As it is registered; the symbol's text may be written otherwise. */
  code_value: string;
  asset: number | null;
  /** Its number in the batch. */
  sequence: number | null;
  data: LabelData;
}

const chunk = 500;

/** Invalid, NotFound or Forbidden when the source or the template is not there. */
export async function jobOf(ctx: TenantContext, source: Source, template: string | undefined): Promise<Job> {
  if ('batch' in source) return batchJob(ctx, source, template);
  const chosen = await templateOf(ctx, template, null);
  if ('query' in source) return assetJob(ctx, 'labels', chosen, () => found(ctx, source.query));
  const rows = 'asset' in source ? [source.asset] : await tagged(ctx, source.tags);
  return assetJob(ctx, rows.length === 1 ? `label-${rows[0]!.id}` : 'labels', chosen, () => each(rows));
}

const templateOf = (ctx: TenantContext, named: string | undefined, id: number | null) =>
  named === undefined ? templates.byIdOrDefault(ctx, id) : templates.named(ctx, named);

function assetJob(
  ctx: TenantContext,
  name: string,
  template: templates.LabelTemplate,
  rows: () => AsyncIterable<assets.AssetRow>,
): Job {
  const codeOf = (asset: assets.AssetRow) => asset.barcode_value || asset.asset_tag;
  return {
    name,
    template,
    async *codes() {
      for await (const asset of rows()) yield codeOf(asset);
    },
    async *labels(symbology) {
      for await (const asset of rows()) yield itemOf(ctx, codeOf(asset), asset, symbology);
    },
  };
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

/** NotFound names every tag that no asset has. */
async function tagged(ctx: TenantContext, tags: string[]): Promise<assets.AssetRow[]> {
  const rows: assets.AssetRow[] = [];
  const missing: string[] = [];
  for (const tag of tags) {
    const asset = await store.findBy(ctx, assets.resource, 'asset_tag', tag);
    if (asset) rows.push(asset);
    else missing.push(tag);
  }
  if (missing.length > 0) throw new NotFound(`No asset has the tag ${missing.join(', ')}. Nothing was printed.`);
  return rows;
}

async function* found(ctx: TenantContext, query: QueryText): AsyncGenerator<assets.AssetRow> {
  let cursor: string | null = '';
  while (cursor !== null) {
    const asked: QueryText = { ordering: 'asset_tag', ...query, cursor, page_size: String(chunk) };
    const page: Awaited<ReturnType<typeof assets.served.list>> = await list(
      ctx,
      assets.resource,
      parseListQuery(assets.resource, asked),
    );
    yield* page.rows;
    cursor = page.nextCursor;
  }
}

async function batchJob(
  ctx: TenantContext,
  { batch: id, from, to }: Extract<Source, { batch: number }>,
  template: string | undefined,
): Promise<Job> {
  const batch = await store.get(ctx, barcodeBatches, id);
  checkReady(batch);
  const chosen = await templateOf(ctx, template, batch.template);
  const numbers = {
    prefix: batch.prefix,
    start_sequence: Math.max(from ?? batch.start_sequence, batch.start_sequence),
    end_sequence: Math.min(to ?? batch.end_sequence, batch.end_sequence),
  };
  return {
    name: `batch-${batch.id}`,
    template: chosen,
    codes: () => codesOf(numbers),
    labels: (symbology) => labelsOf(ctx, batch, numbers, symbology),
  };
}

/** Conflict while its labels are not all there. */
function checkReady({ id, status, progress, error }: BatchRow): void {
  if (status === 'failed') throw new Conflict(`Batch ${id} has no labels: ${error}`);
  if (status !== 'ready')
    throw new Conflict(`The labels of batch ${id} are being made (${progress} %). Print it when its status is ready.`);
}

const assetColumns = assets.resource.columns.map(({ column }) => `a.${column} AS a_${column}`).join(', ');

/** A label shows the asset that a scan of it finds now: claimed since, or tagged with its code; else the one at its making. */
const labelSql =
  `SELECT l.sequence, l.code_value, ${assetColumns} FROM barcode_labels l ` +
  "LEFT JOIN asset_codes c ON c.tenant_id = l.tenant_id AND c.code = l.code_value AND c.status = 'active' " +
  'LEFT JOIN assets t ON t.tenant_id = l.tenant_id AND t.asset_tag = l.code_value ' +
  'LEFT JOIN assets a ON a.id = COALESCE(c.asset_id, t.id, l.asset_id) ' +
  `WHERE l.batch_id = ? AND l.sequence >= ? AND l.sequence <= ? ORDER BY l.sequence LIMIT ${chunk}`;

async function* labelsOf(
  ctx: TenantContext,
  batch: BatchRow,
  { start_sequence: first, end_sequence: last }: Numbers,
  symbology: string,
): AsyncGenerator<Item> {
  for (let next = first; next <= last; ) {
    const rows = await ctx.db.query<{ sequence: number; code_value: string; [column: string]: unknown }>(labelSql, [
      batch.id,
      next,
      last,
    ]);
    for (const row of rows) yield itemOf(ctx, row.code_value, assetIn(row), symbology, row.sequence);
    if (rows.length < chunk) return;
    next = rows.at(-1)!.sequence + 1;
  }
}

function assetIn(row: { [column: string]: unknown }): assets.AssetRow | null {
  if (row.a_id === null) return null;
  return store.decode(
    assets.resource,
    Object.fromEntries(assets.resource.columns.map(({ column }) => [column, row[`a_${column}`]])),
  );
}

function itemOf(
  { tenant }: TenantContext,
  code: string,
  asset: assets.AssetRow | null,
  symbology: string,
  sequence: number | null = null,
): Item {
  const { name, slug } = tenant;
  const data = { code: symbolText(symbology, code), asset: asset && { ...asset }, tenant: { name, slug } };
  return { code_value: code, asset: asset?.id ?? null, sequence, data };
}
