/** What was given up: deliveries, and jobs of every other kind. For whoever has the shell; of all tenants, or of the context's. */
import { ConfigError } from '../../base/errors.ts';
import { type Context, inTransaction, type TenantContext } from '../../db/context.ts';
import type { Value } from '../../db/dialect.ts';
import { listOf } from '../../db/lists.ts';
import * as deadJobs from '../../queue/dead.ts';
import { revive } from './revival.ts';

export interface DeadLetter {
  /** A number for a delivery, `job:7` for a job. */
  id: number | string;
  type: 'delivery' | 'job';
  tenant_id: number | null;
  /** Null for a job. */
  endpoint_id: number | null;
  endpoint_name: string | null;
  /** The event, or the kind of job. */
  name: string;
  reason: string;
  error: string;
  attempts: number;
  created_at: string;
  dead_lettered_at: string | null;
}

export interface Selection {
  ids?: readonly string[];
  endpoint?: number;
  since?: string;
}

/** Numbers are deliveries, `job:7` is a job. ConfigError for what is neither. */
function split(ids: readonly string[]): { deliveries: number[]; jobs: number[] } {
  const wrong = ids.find((id) => !/^(job:)?\d{1,15}$/.test(id));
  if (wrong !== undefined)
    throw new ConfigError(
      `"${wrong}" is no dead letter. Give ids as \`deadletter list\` shows them, such as 12 or job:7.`,
    );
  const jobs = ids.filter((id) => id.startsWith('job:'));
  return {
    deliveries: ids.filter((id) => !jobs.includes(id)).map(Number),
    jobs: jobs.map((id) => Number(id.slice('job:'.length))),
  };
}

const selectDeliveries =
  'SELECT d.id, d.tenant_id, d.endpoint_id, e.name AS endpoint_name, d.event_name AS name, d.reason, d.last_error AS error, ' +
  'd.attempt_count AS attempts, d.created_at, d.dead_lettered_at FROM webhook_deliveries d ' +
  'JOIN webhook_endpoints e ON e.id = d.endpoint_id';

/** Newest first, deliveries before jobs. */
export async function list(ctx: Context, selection: Selection, limit: number): Promise<DeadLetter[]> {
  const { text, params } = whereOf(ctx, selection);
  const sql = `${selectDeliveries} WHERE ${text} ORDER BY d.id DESC LIMIT ?`;
  const deliveries = await ctx.db.query<Omit<DeadLetter, 'type'>>(sql, [...params, limit]);
  const jobs = await jobsOf(ctx, selection, limit - deliveries.length);
  return [...deliveries.map((row) => ({ type: 'delivery' as const, ...row })), ...jobs.map(ofJob)];
}

const ofJob = (job: deadJobs.DeadJob): DeadLetter => ({
  type: 'job',
  id: `job:${job.id}`,
  tenant_id: job.tenant_id,
  endpoint_id: null,
  endpoint_name: null,
  name: job.kind,
  reason: 'error',
  error: job.last_error,
  attempts: job.attempts,
  created_at: job.created_at,
  dead_lettered_at: job.finished_at,
});

function whereOf(ctx: Context, { ids, endpoint, since }: Selection): { text: string; params: Value[] } {
  const parts: [string, Value[]][] = [["d.status = 'dead_letter'", []]];
  if (ctx.tenant) parts.push(['d.tenant_id = ?', [ctx.tenant.id]]);
  if (endpoint !== undefined) parts.push(['d.endpoint_id = ?', [endpoint]]);
  if (since !== undefined) parts.push(['d.dead_lettered_at >= ?', [since]]);
  if (ids !== undefined) {
    const { marks, params } = listOf(split(ids).deliveries);
    parts.push(split(ids).deliveries.length > 0 ? [`d.id IN ${marks}`, params] : ['1 = 0', []]);
  }
  return { text: parts.map(([text]) => text).join(' AND '), params: parts.flatMap(([, params]) => params) };
}

/** An endpoint has no jobs but its deliveries'. */
async function jobsOf(ctx: Context, { ids, endpoint, since }: Selection, limit: number): Promise<deadJobs.DeadJob[]> {
  if (endpoint !== undefined || limit < 1) return [];
  return deadJobs.list(ctx, { ...(ids && { ids: split(ids).jobs }), ...(since !== undefined && { since }) }, limit);
}

export interface DeadDelivery extends DeadLetter {
  payload: unknown;
  response_code: number | null;
  response_body: string;
  attempts_made: object[];
}

/** All that is known of one; undefined when there is none. */
export async function show(
  ctx: Context,
  id: string,
): Promise<DeadDelivery | (DeadLetter & { payload: unknown }) | undefined> {
  const [found] = await list(ctx, { ids: [id] }, 1);
  if (!found) return undefined;
  if (found.type === 'job') return { ...found, payload: (await jobsOf(ctx, { ids: [id] }, 1))[0]!.payload };
  const sql = 'SELECT payload, response_code, response_body FROM shown_webhook_deliveries WHERE id = ?';
  const [row] = await ctx.db.query<{ payload: string; response_code: number | null; response_body: string }>(sql, [
    found.id,
  ]);
  const attempts =
    'SELECT created_at AS at, round, attempt, response_code, duration_ms, reason, error, ip, response_body ' +
    'FROM webhook_attempts WHERE delivery_id = ? ORDER BY id';
  const attempts_made = await ctx.db.query<object>(attempts, [found.id]);
  return { ...found, ...row!, payload: JSON.parse(row!.payload), attempts_made };
}

export interface Handled {
  deliveries: number;
  jobs: number;
}

/** How many deliveries one transaction takes. */
const batch = 200;
/** Dead jobs dealt with by one command; there are hardly ever so many. */
const mostJobs = 100_000;

/** `disabled`: of the deliveries, those whose endpoint is disabled, so that they cannot be sent again. */
export async function count(ctx: Context, selection: Selection): Promise<Handled & { disabled: number }> {
  const { text, params } = whereOf(ctx, selection);
  const sql =
    'SELECT COUNT(*) AS deliveries, COUNT(CASE WHEN e.is_active = ? THEN 1 END) AS disabled ' +
    `FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id WHERE ${text}`;
  const [row] = await ctx.db.query<{ deliveries: number; disabled: number }>(sql, [false, ...params]);
  const jobs = await jobsOf(ctx, selection, mostJobs);
  return { deliveries: Number(row!.deliveries), disabled: Number(row!.disabled), jobs: jobs.length };
}

/** Sends them again; those of a disabled endpoint stay. `told` hears how many were looked at. */
export function replay(
  ctx: Context,
  selection: Selection,
  told: (seen: number) => void = () => undefined,
): Promise<Handled> {
  return walk(ctx, selection, told, {
    deliveries: (tx, ids) => revive(tx as TenantContext, ids),
    jobs: (tx, ids) => deadJobs.replay(tx, ids),
  });
}

/** Forgets them for good. */
export function purge(
  ctx: Context,
  selection: Selection,
  told: (seen: number) => void = () => undefined,
): Promise<Handled> {
  return walk(ctx, selection, told, {
    deliveries: (tx, ids) => {
      const { marks, params } = listOf(ids);
      return tx.db.execute(`DELETE FROM webhook_deliveries WHERE status = 'dead_letter' AND id IN ${marks}`, params);
    },
    jobs: (tx, ids) => deadJobs.purge(tx, ids),
  });
}

type Handle = (tx: Context, ids: number[]) => Promise<number>;

async function walk(
  ctx: Context,
  selection: Selection,
  told: (seen: number) => void,
  handle: Record<keyof Handled, Handle>,
): Promise<Handled> {
  const { text, params } = whereOf(ctx, selection);
  const sql = `SELECT d.id FROM webhook_deliveries d WHERE ${text} AND d.id > ? ORDER BY d.id LIMIT ${batch}`;
  const handled: Handled = { deliveries: 0, jobs: 0 };
  let seen = 0;
  for (let after = 0; ; ) {
    const ids = (await ctx.db.query<{ id: number }>(sql, [...params, after])).map(({ id }) => id);
    if (ids.length === 0) break;
    handled.deliveries += await inTransaction(ctx, (tx) => handle.deliveries(tx, ids));
    after = ids.at(-1)!;
    seen += ids.length;
    told(seen);
  }
  const jobs = (await jobsOf(ctx, selection, mostJobs)).map(({ id }) => id);
  if (jobs.length > 0) handled.jobs = await inTransaction(ctx, (tx) => handle.jobs(tx, jobs));
  return handled;
}
