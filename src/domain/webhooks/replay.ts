/** Deliveries sent again on someone's word: one at once, many by a job that tells how far it is and can be cancelled. */
import { z } from 'zod';
import { Conflict, Forbidden, NotFound } from '../../base/errors.ts';
import type { Context, TenantContext } from '../../db/context.ts';
import * as jobs from '../../queue/jobs.ts';
import type { JobKind } from '../../queue/kind.ts';
import { optionalInstant } from '../../resource/fields.ts';
import { parse } from '../../resource/parse.ts';
import { guarded, Reply } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { checkFilter, count, Filter, idsAfter } from './filter.ts';
import { type DeliveryRow, shownDeliveries, webhookEndpoints } from './resource.ts';
import { revive } from './revival.ts';

/** Deliveries of one transaction. */
const batch = 200;
const kind = 'webhook.replay';

export const ReplayBody = Filter.extend({ dry_run: z.boolean().default(false).describe('Only count') });

export const Replay = z.object({
  job: z.int(),
  status: z.enum(['waiting', 'running', 'done', 'cancelled', 'failed']),
  total: z.int(),
  done: z.int(),
  replayed: z.int().describe('Fewer than done where endpoints are disabled'),
  created_at: z.string(),
  finished_at: optionalInstant(),
});
export type Replay = z.output<typeof Replay>;
export const DryReplay = z.object({ dry_run: z.literal(true), count: z.int() });

/** One delivery, whatever became of it. Conflict when its endpoint cannot be sent to. */
export const replayOne = (ctx: Context, id: number): Promise<DeliveryRow> =>
  guarded(ctx, 'webhooks', 'execute', async (inside) => {
    const { endpoint } = await store.get(inside, shownDeliveries, id);
    const { direction, is_active } = await store.get(inside, webhookEndpoints, endpoint);
    if (direction === 'inbound') throw new Conflict('This was received, not sent. Only what is sent can be replayed.');
    if (!is_active) throw new Conflict('The endpoint is disabled. Enable it first.');
    await revive(inside, [id]);
    return store.get(inside, shownDeliveries, id);
  });

interface Payload {
  filter: Filter;
  /** What is raised after the call is not meant. */
  last: number;
  total: number;
}

interface Progress {
  after: number;
  done: number;
  replayed: number;
}

export const replayMany = (ctx: Context, body: unknown): Promise<Reply> =>
  guarded(ctx, 'webhooks', 'execute', async (inside) => {
    const { dry_run, ...filter } = parse(ReplayBody, body);
    checkFilter(filter);
    const total = await count(inside, filter);
    if (dry_run) return new Reply(200, { dry_run: true, count: total });
    return new Reply(202, await startReplay(inside, filter, total));
  });

export async function startReplay(ctx: TenantContext, filter: Filter, total: number): Promise<Replay> {
  const [newest] = await ctx.db.query<{ last: number | null }>('SELECT MAX(id) AS last FROM webhook_deliveries');
  const payload: Payload = { filter, total, last: Number(newest?.last ?? 0) };
  const job = { kind, queue: 'webhooks', tenant: ctx.tenant.id, payload, keep: true };
  const { id } = await jobs.start(ctx, job);
  return replayOf(ctx, id);
}

export const seeReplay = (ctx: Context, id: number): Promise<Replay> =>
  guarded(ctx, 'webhooks', 'view', (inside) => replayOf(inside, id));

/** What was replayed so far stays so. */
export const cancelReplay = (ctx: Context, id: number): Promise<void> =>
  guarded(ctx, 'webhooks', 'execute', async (inside) => {
    await replayOf(inside, id);
    if (!(await jobs.cancel(inside, id))) throw new Conflict('This replay has ended.');
  });

async function replayOf(ctx: TenantContext, id: number): Promise<Replay> {
  const job = await jobs.see(ctx, id);
  if (!job || job.kind !== kind) throw new NotFound();
  if (job.tenant !== ctx.tenant.id) throw new Forbidden();
  const { total } = job.payload as unknown as Payload;
  const { done = 0, replayed = 0 } = job.progress as Partial<Progress>;
  const { created_at, finished_at } = job;
  return { job: id, status: statusOf(job), total, done, replayed, created_at, finished_at };
}

const statusOf = ({ state, last_error }: jobs.SeenJob): Replay['status'] => {
  if (state === 'done') return last_error === 'cancelled' ? 'cancelled' : 'done';
  if (state === 'dead') return 'failed';
  return state === 'active' ? 'running' : 'waiting';
};

export const replayKind: JobKind<Payload> = {
  kind,
  queue: 'webhooks',
  long: true,
  async settle(ctx, job) {
    const { filter, last } = job.payload;
    const progress = ((await jobs.see(ctx, job.id))?.progress ?? {}) as Partial<Progress>;
    const { after = 0, done = 0, replayed = 0 } = progress;
    const inside = ctx as TenantContext;
    const ids = await idsAfter(inside, filter, after, batch, last);
    const sent = await revive(inside, ids);
    const now: Progress = { after: ids.at(-1) ?? after, done: done + ids.length, replayed: replayed + sent };
    // Cancelled: the batch is undone, as another runner's would be.
    if (!(await jobs.report(ctx, job, now))) throw new jobs.LostLease();
    return ids.length < batch ? undefined : { retryIn: 0, reason: '', spends: false };
  },
};
