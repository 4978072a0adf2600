import type { Context, Listeners } from '../../db/context.ts';

interface EndpointRow {
  id: number;
  lane_id: number;
  is_active: boolean;
  events: string;
  max_attempts: number;
}

/** Who is told of the tenant's events; kept with the permissions, as long as their version stands. */
export async function listenersOf(ctx: Pick<Context, 'db'>, tenant: number): Promise<Listeners> {
  const endpoints = await ctx.db.query<EndpointRow>(
    'SELECT id, lane_id, is_active, events, max_attempts FROM webhook_endpoints WHERE tenant_id = ? AND direction = ? ORDER BY id',
    [tenant, 'outbound'],
  );
  const triggers = await ctx.db.query<{ trigger_type: string }>(
    'SELECT DISTINCT trigger_type FROM workflow_definitions WHERE tenant_id = ? AND is_active = ?',
    [tenant, true],
  );
  return {
    endpoints: endpoints.map((row) => ({
      id: row.id,
      lane: row.lane_id,
      active: Boolean(row.is_active),
      events: JSON.parse(row.events),
      maxAttempts: row.max_attempts,
    })),
    triggers: triggers.map(({ trigger_type }) => trigger_type),
  };
}
