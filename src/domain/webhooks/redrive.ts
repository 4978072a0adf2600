/** When an endpoint works again, its young dead letters are sent once more: an outage of a night costs nothing. */
import { metrics } from '../../base/metrics.ts';
import type { TenantContext } from '../../db/context.ts';
import type { NewJob } from '../../queue/jobs.ts';
import type { JobKind } from '../../queue/kind.ts';
import { healthOf } from './health.ts';
import { revive } from './revival.ts';

/** Dead letters at once, and the pause before the next, in ms: ten a second beside what is new. */
const batch = 100;
const pause = 10_000;

interface Payload {
  endpoint: number;
}

export const redriveJob = ({ endpoint_id, tenant_id }: { endpoint_id: number; tenant_id: number }): NewJob => ({
  kind: 'webhook.redrive',
  queue: 'webhooks',
  tenant: tenant_id,
  payload: { endpoint: endpoint_id } satisfies Payload,
  unique: `webhook.redrive:${endpoint_id}`,
});

/** `hours`: how old a dead letter may be; 0 redrives none. */
export const redriveKind = (hours: number): JobKind<Payload> => ({
  kind: 'webhook.redrive',
  queue: 'webhooks',
  async settle(ctx, { payload: { endpoint } }) {
    const health = await healthOf(ctx, endpoint);
    if (hours === 0 || !health || health.failing_since !== null) return undefined;
    const ids = await young(ctx as TenantContext, endpoint, hours);
    await revive(ctx as TenantContext, ids, { redriven: true, spread: pause / batch });
    ctx.db.afterCommit(() => metrics.redrives.inc({ endpoint_id: endpoint }, ids.length));
    return ids.length < batch ? undefined : { retryIn: pause, reason: 'More wait.', spends: false };
  },
});

/** What someone refused or disabled by will stays dead. */
async function young(ctx: TenantContext, endpoint: number, hours: number): Promise<number[]> {
  const since = new Date(ctx.now().getTime() - hours * 3_600_000).toISOString();
  const sql =
    "SELECT id FROM webhook_deliveries WHERE endpoint_id = ? AND status = 'dead_letter' AND dead_lettered_at >= ? " +
    "AND redriven_at IS NULL AND reason NOT IN ('gone', 'aborted', 'endpoint_disabled') ORDER BY id LIMIT ?";
  const rows = await ctx.db.query<{ id: number }>(sql, [endpoint, since, batch]);
  return rows.map(({ id }) => id);
}
