/** Labels of a large batch, written a part at a time by a job that goes on where it, or the runner before it, left off. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isRefusal } from '../../base/errors.ts';
import { type Context, inTransaction, type TenantContext, timestamp } from '../../db/context.ts';
import type { Row } from '../../db/database.ts';
import type { JobKind } from '../../queue/kind.ts';
import * as store from '../../resource/store.ts';
import * as templates from '../templates/service.ts';
import { codesOf, inChunks } from './codes.ts';
import { checkTemplate, tellGenerated, writePart } from './create.ts';
import { type BatchRow, barcodeBatches } from './resource.ts';

/** Labels in one transaction: other writers wait for a part, and not for the batch. */
const part = 2_000;

interface Payload {
  batch: number;
}

/** Answers why the batch cannot be made; undefined when all its labels are there. */
export const generating: JobKind<Payload, string | undefined> = {
  kind: 'batch.generate',
  queue: 'system',
  perform: async (ctx, { payload }, signal) => generate(ctx as TenantContext, payload.batch, signal),
  async settle(ctx, { payload }, refusal) {
    const inside = ctx as TenantContext;
    const batch = await store.find(inside, barcodeBatches, payload.batch, true);
    if (!batch) return undefined;
    if (refusal !== undefined) await fail(inside, batch, refusal);
    else {
      const ready = { status: 'ready', progress: 100, generated_at: timestamp(ctx) } as const;
      tellGenerated(inside, await store.update(inside, barcodeBatches, batch, ready));
    }
    return undefined;
  },
  async gaveUp(ctx, { payload }, reason) {
    const batch = await store.find(ctx, barcodeBatches, payload.batch, true);
    if (batch) await fail(ctx as TenantContext, batch, reason);
    return undefined;
  },
};

const fail = (ctx: TenantContext, batch: BatchRow, reason: string): Promise<unknown> =>
  store.update(ctx, barcodeBatches, batch, { status: 'failed', progress: 0, error: reason.slice(0, 1_000) });

async function generate(ctx: TenantContext, id: number, signal: AbortSignal): Promise<string | undefined> {
  const batch = await store.find(ctx, barcodeBatches, id);
  if (!batch) return undefined;
  try {
    await checkTemplate(await templates.byIdOrDefault(ctx, batch.template), batch);
    while (await writeNext(ctx, id)) signal.throwIfAborted();
    return undefined;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    await forgetLabels(ctx, batch);
    return error.message;
  }
}

/** Whether there is more. The batch's row is locked, so that a runner that was given up for dead does not write beside this one. */
const writeNext = (ctx: TenantContext, id: number): Promise<boolean> =>
  inTransaction(ctx, async (tx) => {
    const batch = await store.find(tx, barcodeBatches, id, true);
    if (!batch) return false;
    const { start_sequence: start, end_sequence: end, prefix } = batch;
    const [row] = await tx.db.query<Row>('SELECT MAX(sequence) AS last FROM barcode_labels WHERE batch_id = ?', [id]);
    const first = row?.last == null ? start : Number(row.last) + 1;
    if (first > end) return false;
    const last = Math.min(first + part - 1, end);
    await writePart(tx, batch, [...codesOf({ prefix, start_sequence: first, end_sequence: last })], first);
    const progress = Math.floor(((last - start + 1) / (end - start + 1)) * 100);
    await store.update(tx, barcodeBatches, batch, { status: 'generating', progress: Math.min(progress, 99) });
    return last < end;
  });

/** What is there of a batch that cannot be finished, so that its numbers are free again. */
async function forgetLabels(ctx: TenantContext, batch: BatchRow): Promise<void> {
  for (;;) {
    const sql = `SELECT id, code_value AS code FROM barcode_labels WHERE batch_id = ? ORDER BY sequence DESC LIMIT ${part}`;
    const labels = await ctx.db.query<{ id: number; code: string }>(sql, [batch.id]);
    if (labels.length === 0) return;
    await inTransaction(ctx, async (tx) => {
      await forgetCodes(
        tx,
        labels.map(({ code }) => code),
      );
      await tx.db.execute('DELETE FROM barcode_labels WHERE batch_id = ? AND id >= ?', [
        batch.id,
        Math.min(...labels.map(({ id }) => id)),
      ]);
    });
  }
}

/** Those that nobody has claimed. */
export async function forgetCodes(ctx: TenantContext, all: Iterable<string>): Promise<void> {
  for (const { codes, marks } of inChunks(all)) {
    // By the codes themselves: as a subselect, PostgreSQL took a minute for ten thousand of them.
    const sql = `DELETE FROM asset_codes WHERE tenant_id = ? AND status = 'unclaimed' AND code IN (${marks})`;
    await ctx.db.execute(sql, [ctx.tenant.id, ...codes]);
  }
}

/** Pause between looks at a batch that is being made, in ms. */
const pause = 500;

/** Resolves once its labels are there, or it is known that they will not be; tells its progress in percent. */
export async function whenReady(ctx: Context, id: number, tell: (progress: number) => Promise<void>): Promise<void> {
  for (;;) {
    const batch = await store.find(ctx, barcodeBatches, id);
    if (!batch || batch.status === 'ready' || batch.status === 'failed') return;
    await tell(batch.progress);
    await sleep(pause);
  }
}
