/** Deliveries that go out again: the same message, attempts counted anew, earlier ones kept. */
import { type TenantContext, timestamp } from '../../db/context.ts';
import { listOf } from '../../db/lists.ts';
import * as jobs from '../../queue/jobs.ts';
import type { DeliveryPayload } from './delivery.ts';

/** Behind what is new. */
const priority = 5;

interface Row {
  id: number;
  tenant_id: number;
  round: number;
  lane_id: number;
  max_attempts: number;
}

export interface Revival {
  redriven?: boolean;
  /** ms between one and the next; all at once when left out. */
  spread?: number;
}

/** Of these, the outbound ones whose endpoint is active; answers how many. Each has a new job, and an old one does nothing. */
export async function revive(ctx: TenantContext, ids: readonly number[], revival: Revival = {}): Promise<number> {
  if (ids.length === 0) return 0;
  const { marks, params } = listOf(ids);
  // Two replays of one delivery at once would each take the other's job for its own.
  const lock = `SELECT id FROM webhook_deliveries WHERE id IN ${marks} ORDER BY id${ctx.db.forUpdate}`;
  await ctx.db.query(lock, params);
  const rows = await ctx.db.query<Row>(
    'SELECT d.id, d.tenant_id, d.round, e.lane_id, e.max_attempts FROM webhook_deliveries d ' +
      "JOIN webhook_endpoints e ON e.id = d.endpoint_id WHERE e.direction = 'outbound' AND e.is_active = ? " +
      `AND d.id IN ${marks} ORDER BY d.id`,
    [true, ...params],
  );
  if (rows.length === 0) return 0;
  const now = timestamp(ctx);
  const found = listOf(rows.map(({ id }) => id));
  const sql =
    "UPDATE webhook_deliveries SET status = 'pending', round = round + 1, attempt_count = 0, next_attempt_at = ?, " +
    "pending_since = ?, reason = '', flagged = ?, last_error = '', dead_lettered_at = NULL, delivered_at = NULL, " +
    `redriven_at = COALESCE(?, redriven_at), updated_at = ? WHERE id IN ${found.marks}`;
  await ctx.db.execute(sql, [now, now, false, revival.redriven ? now : null, now, ...found.params]);
  for (const [index, row] of rows.entries()) jobs.add(ctx, jobOf(row, index * (revival.spread ?? 0)));
  return rows.length;
}

const jobOf = ({ id, tenant_id, round, lane_id, max_attempts }: Row, delay: number): jobs.NewJob => ({
  kind: 'webhook.deliver',
  queue: 'webhooks',
  tenant: tenant_id,
  lane: lane_id,
  payload: { delivery: id, round: round + 1 } satisfies DeliveryPayload,
  maxAttempts: max_attempts,
  priority,
  delay,
});
