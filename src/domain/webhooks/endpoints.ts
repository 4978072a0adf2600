/** Endpoints that we send to and that send to us. */

import { z } from 'zod';
import { Invalid } from '../../base/errors.ts';
import { newSecret } from '../../base/ids.ts';
import type { Context, TenantContext } from '../../db/context.ts';
import { listOf } from '../../db/lists.ts';
import * as lanes from '../../queue/lanes.ts';
import type { Fields } from '../../resource/define.ts';
import { type Clause, list, type Page, parseListQuery, type QueryText } from '../../resource/pages.ts';
import { parse } from '../../resource/parse.ts';
import { guarded, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { raiseVersion } from '../accounts/service.ts';
import {
  type DeliveryRow,
  deliveryStatuses,
  type EndpointRow,
  webhookDeliveries,
  webhookEndpoints,
} from './resource.ts';
import { seal } from './secrets.ts';

/** Shown of each endpoint, newest first; the rest is in `webhook-deliveries/`. */
const shownDeadLetters = 20;

export const served = serve(webhookEndpoints, { create, update, remove });
const operationOf = (method: string, kind: string) =>
  served.operations.find((operation) => operation.method === method && operation.kind === kind)!;
operationOf('POST', 'row').answer = webhookEndpoints.read.extend({
  secret: z.string().optional().describe('Only when it was made here, and only in this answer'),
});

const Query = z.object({ status: z.enum(deliveryStatuses).optional() });
const listing = operationOf('GET', 'page');
listing.query = Query;
listing.answer = webhookEndpoints.read.extend({
  dead_letters: z.array(webhookDeliveries.read).optional().describe('With ?status=dead_letter: the newest of them'),
});
listing.run = (ctx, { query }) => listed(ctx, query);

type Listed = EndpointRow & { dead_letters?: DeliveryRow[] };

/** `?status=` lists the endpoints that have deliveries in that state. */
const listed = (ctx: Context, { status, ...rest }: QueryText): Promise<Page<Listed>> =>
  guarded(ctx, 'webhooks', 'view', async (inside) => {
    const wanted = parse(Query, { status }).status;
    const exists = 'SELECT 1 FROM webhook_deliveries d WHERE d.endpoint_id = webhook_endpoints.id AND d.status = ?';
    const within: Clause[] = wanted ? [{ text: `EXISTS (${exists})`, params: [wanted] }] : [];
    const page = await list(inside, webhookEndpoints, parseListQuery(webhookEndpoints, rest), within);
    return wanted === 'dead_letter' ? { ...page, rows: await withDeadLetters(inside, page.rows) } : page;
  });

async function withDeadLetters(ctx: TenantContext, endpoints: EndpointRow[]): Promise<Listed[]> {
  if (endpoints.length === 0) return [];
  const { selection } = webhookDeliveries;
  const { marks, params } = listOf(endpoints.map(({ id }) => id));
  const sql =
    `SELECT ${selection} FROM (SELECT ${selection}, ROW_NUMBER() OVER (PARTITION BY endpoint_id ORDER BY id DESC) AS place ` +
    `FROM webhook_deliveries WHERE endpoint_id IN ${marks} AND status = 'dead_letter') dead ` +
    `WHERE place <= ${shownDeadLetters} ORDER BY id DESC`;
  const rows = await ctx.db.query(sql, params);
  const letters = rows.map((row): DeliveryRow => store.decode(webhookDeliveries, row));
  return endpoints.map((row) => ({ ...row, dead_letters: letters.filter(({ endpoint }) => endpoint === row.id) }));
}

/** An outbound endpoint always has a secret; one that is made here is in this answer and in no other. */
async function create(
  ctx: TenantContext,
  { secret, ...values }: Fields<typeof webhookEndpoints>,
): Promise<EndpointRow> {
  checkUrl(values);
  const made = !secret && values.direction === 'outbound' ? newSecret() : undefined;
  const kept = secret || made;
  const sealed = kept ? seal(ctx, kept) : null;
  const lane_id = values.direction === 'outbound' ? await lanes.make(ctx, 'webhooks') : 0;
  const row = await store.insert(
    ctx,
    webhookEndpoints,
    { ...values, last_delivery_at: null },
    { secret_sealed: sealed, lane_id },
  );
  // Who listens is kept with the permissions.
  await raiseVersion(ctx);
  return made === undefined ? row : { ...row, secret: made };
}

async function update(
  ctx: TenantContext,
  row: EndpointRow,
  { secret, ...changes }: Partial<Fields<typeof webhookEndpoints>>,
): Promise<EndpointRow> {
  if (changes.direction !== undefined && changes.direction !== row.direction)
    throw new Invalid({ direction: ['An endpoint keeps its direction. Make another one.'] });
  checkUrl({ ...row, ...changes });
  if (secret)
    await ctx.db.execute('UPDATE webhook_endpoints SET secret_sealed = ? WHERE id = ?', [seal(ctx, secret), row.id]);
  await raiseVersion(ctx);
  return store.update(ctx, webhookEndpoints, row, changes);
}

async function remove(ctx: TenantContext, row: EndpointRow): Promise<void> {
  const [{ lane_id } = { lane_id: 0 }] = await ctx.db.query<{ lane_id: number }>(
    'SELECT lane_id FROM webhook_endpoints WHERE id = ?',
    [row.id],
  );
  await store.remove(ctx, webhookEndpoints, row.id);
  await lanes.remove(ctx, lane_id);
  await raiseVersion(ctx);
}

function checkUrl({ direction, url }: { direction: string; url: string }): void {
  if (direction === 'inbound' && url === '') return;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol))
    throw new Invalid({ url: ['Enter a valid URL, such as https://example.org/hook.'] });
  if (parsed.username || parsed.password)
    throw new Invalid({ url: ['A URL is shown to everyone who may read it: leave out user and password.'] });
}
