/** Endpoints as they are served: with `?status=` those that have deliveries in that state, and their dead letters. */
import { z } from 'zod';
import type { Context, TenantContext } from '../../db/context.ts';
import { listOf } from '../../db/lists.ts';
import { type Clause, list, ownFilters, type Page, parseListQuery, type QueryText } from '../../resource/pages.ts';
import { guarded, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import * as endpoints from './endpoints.ts';
import { type DeliveryRow, deliveryStatuses, type EndpointRow, shownDeliveries, webhookEndpoints } from './resource.ts';

/** Shown of each endpoint, newest first; the rest is in `webhook-deliveries/`. */
const shownDeadLetters = 20;

export const served = serve(webhookEndpoints, endpoints);
const operationOf = (method: string, kind: string) =>
  served.operations.find((operation) => operation.method === method && operation.kind === kind)!;
operationOf('POST', 'row').answer = webhookEndpoints.read.extend({
  secret: z.string().optional().describe('Only when it was made here, and only in this answer'),
});

const Query = z.object({ status: z.enum(deliveryStatuses).optional() });
const listing = operationOf('GET', 'page');
listing.query = Query;
listing.answer = webhookEndpoints.read.extend({
  dead_letters: z.array(shownDeliveries.read).optional().describe('With ?status=dead_letter: the newest of them'),
});
listing.run = (ctx, { query }) => listed(ctx, query);

type Listed = EndpointRow & { dead_letters?: DeliveryRow[] };

const listed = (ctx: Context, query: QueryText): Promise<Page<Listed>> =>
  guarded(ctx, 'webhooks', 'view', async (inside) => {
    const asked = parseListQuery(webhookEndpoints, query, Query);
    const wanted = ownFilters(Query, query).status;
    const exists = 'SELECT 1 FROM webhook_deliveries d WHERE d.endpoint_id = webhook_endpoints.id AND d.status = ?';
    const within: Clause[] = wanted ? [{ text: `EXISTS (${exists})`, params: [wanted] }] : [];
    const page = await list(inside, webhookEndpoints, asked, within);
    return wanted === 'dead_letter' ? { ...page, rows: await withDeadLetters(inside, page.rows) } : page;
  });

async function withDeadLetters(ctx: TenantContext, rows: EndpointRow[]): Promise<Listed[]> {
  if (rows.length === 0) return [];
  const { marks, params } = listOf(rows.map(({ id }) => id));
  const placed =
    'SELECT id, ROW_NUMBER() OVER (PARTITION BY endpoint_id ORDER BY id DESC) AS place ' +
    `FROM webhook_deliveries WHERE endpoint_id IN ${marks} AND status = 'dead_letter'`;
  const sql =
    `SELECT ${shownDeliveries.selection} FROM ${shownDeliveries.table} ` +
    `WHERE id IN (SELECT id FROM (${placed}) dead WHERE place <= ${shownDeadLetters}) ORDER BY id DESC`;
  const letters = (await ctx.db.query(sql, params)).map((row): DeliveryRow => store.decode(shownDeliveries, row));
  return rows.map((row) => ({ ...row, dead_letters: letters.filter(({ endpoint }) => endpoint === row.id) }));
}
