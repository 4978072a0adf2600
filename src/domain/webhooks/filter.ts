/** Which deliveries are meant: of an endpoint, an event, a state, a span of time. */
import { z } from 'zod';
import { Invalid } from '../../base/errors.ts';
import type { TenantContext } from '../../db/context.ts';
import type { Value } from '../../db/dialect.ts';
import { instant, reference, text } from '../../resource/fields.ts';

/** Pending ones are on their way; of those replaying would only make two. */
export const Filter = z.object({
  endpoint: reference().optional(),
  event_name: text(120).optional(),
  status: z.enum(['dead_letter', 'success']).default('dead_letter'),
  since: instant().optional().describe('Events from this moment on'),
  until: instant().optional().describe('Events before this moment'),
});
export type Filter = z.output<typeof Filter>;

/** A replay of everything that was ever delivered is hardly meant. */
export function checkFilter({ status, endpoint, since }: Filter): void {
  if (status === 'success' && endpoint === undefined && since === undefined)
    throw new Invalid('Name an endpoint, or a time with `since`, to replay what was delivered.');
}

export interface Where {
  text: string;
  params: Value[];
}

/** Outbound ones of the context's tenant, as SQL over `webhook_deliveries d`. */
export function whereOf(ctx: TenantContext, filter: Filter): Where {
  const parts: [string, Value | undefined][] = [
    ['d.tenant_id = ?', ctx.tenant.id],
    ['d.status = ?', filter.status],
    ['d.endpoint_id = ?', filter.endpoint],
    ['d.event_name = ?', filter.event_name],
    ['d.created_at >= ?', filter.since],
    ['d.created_at < ?', filter.until],
  ];
  const given = parts.filter((part): part is [string, Value] => part[1] !== undefined);
  const outbound = "EXISTS (SELECT 1 FROM webhook_endpoints e WHERE e.id = d.endpoint_id AND e.direction = 'outbound')";
  return {
    text: [...given.map(([text]) => text), outbound].join(' AND '),
    params: given.map(([, value]) => value),
  };
}

export async function count(ctx: TenantContext, filter: Filter): Promise<number> {
  const where = whereOf(ctx, filter);
  const sql = `SELECT COUNT(*) AS count FROM webhook_deliveries d WHERE ${where.text}`;
  return Number((await ctx.db.query<{ count: number }>(sql, where.params))[0]!.count);
}

/** The next of them by id, up to `last` where there is one. */
export async function idsAfter(
  ctx: TenantContext,
  filter: Filter,
  after: number,
  limit: number,
  last?: number,
): Promise<number[]> {
  const where = whereOf(ctx, filter);
  const upTo = last === undefined ? '' : ' AND d.id <= ?';
  const sql = `SELECT d.id FROM webhook_deliveries d WHERE ${where.text} AND d.id > ?${upTo} ORDER BY d.id LIMIT ?`;
  const params = [...where.params, after, ...(last === undefined ? [] : [last]), limit];
  return (await ctx.db.query<{ id: number }>(sql, params)).map(({ id }) => id);
}
