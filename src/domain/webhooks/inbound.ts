/** What others tell us: with a user's token, or signed with the endpoint's secret. Each becomes a delivery, once. */
import { z } from 'zod';
import { Invalid, Unauthenticated } from '../../base/errors.ts';
import { sha256 } from '../../base/ids.ts';
import { type Context, type TenantContext, timestamp } from '../../db/context.ts';
import { jsonObject, reference, text } from '../../resource/fields.ts';
import { parse } from '../../resource/parse.ts';
import { guarded } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import * as accounts from '../accounts/service.ts';
import * as workflows from '../workflows/service.ts';
import { type EndpointRow, webhookDeliveries, webhookEndpoints } from './resource.ts';
import { isSignature, secretOf, signatureOf } from './secrets.ts';

export const Inbound = z.object({ endpoint_id: reference(), event_name: text(120), payload: jsonObject() });
export const Accepted = z.object({ delivery_id: z.int(), status: z.literal('accepted') });
export type Accepted = z.output<typeof Accepted>;

/** How far the clocks of sender and site may differ, in seconds; an older message is taken for a replayed one. */
const tolerance = 300;

/** As long as the log of changes keeps one; a name may be as long by itself. */
const maxLabel = 200;

export interface Signed {
  timestamp: string;
  signature: string;
  /** The exact bytes that were signed, and the JSON in them. */
  bytes: Buffer;
  body: unknown;
}

/** With a token: in the caller's tenant, for roles that may create. */
export const receive = (ctx: Context, body: unknown): Promise<Accepted> =>
  guarded(ctx, 'webhooks', 'create', async (inside) => accept(inside, parse(Inbound, body)));

/** Without one: in the tenant of the endpoint whose secret signed it. One answer for whatever is wrong with a signature. */
export async function receiveSigned(ctx: Context, message: Signed): Promise<Accepted> {
  const input = parse(Inbound, message.body);
  const endpoint = await store.find(ctx, webhookEndpoints, input.endpoint_id);
  const secret = endpoint && (await secretOf(ctx, endpoint));
  const genuine = secret && isFresh(ctx, message) && isSignature(message.signature, right(secret, message));
  const tenant = genuine ? await accounts.activeTenant(ctx, endpoint.tenant) : undefined;
  if (!endpoint || !tenant) throw new Unauthenticated('The signature is wrong, or older than five minutes.');
  const actor = {
    kind: 'system',
    id: null,
    label: `webhook:${endpoint.name}`.slice(0, maxLabel).toWellFormed(),
    role: 'operator',
    superuser: false,
  } as const;
  return guarded({ ...ctx, tenant, actor }, 'webhooks', 'create', (inside) =>
    accept(inside, input, sha256(message.signature)),
  );
}

const right = (secret: string, { timestamp, bytes }: Signed): string => signatureOf(secret, timestamp, bytes);

const isFresh = (ctx: Context, { timestamp }: Signed): boolean =>
  /^\d{1,12}$/.test(timestamp) && Math.abs(ctx.now().getTime() / 1000 - Number(timestamp)) <= tolerance;

async function accept(
  ctx: TenantContext,
  { endpoint_id, event_name, payload }: z.output<typeof Inbound>,
  message_hash: string | null = null,
): Promise<Accepted> {
  const endpoint = await inboundEndpoint(ctx, endpoint_id);
  const known = message_hash === null ? undefined : await earlier(ctx, endpoint.id, message_hash);
  if (known !== undefined) return { delivery_id: known, status: 'accepted' };
  const now = timestamp(ctx);
  const delivery = await store.insert(
    ctx,
    webhookDeliveries,
    {
      endpoint: endpoint.id,
      event_name,
      payload,
      response_code: null,
      response_body: '',
      attempt_count: 1,
      next_attempt_at: null,
      last_error: '',
      dead_lettered_at: null,
      delivered_at: now,
      status: 'success',
    },
    { message_hash },
  );
  const { id, name } = endpoint;
  await workflows.tellMessage(ctx, { delivery: delivery.id, event_name, payload, endpoint: { id, name } });
  await ctx.db.execute('UPDATE webhook_endpoints SET last_delivery_at = ? WHERE id = ?', [now, endpoint.id]);
  return { delivery_id: delivery.id, status: 'accepted' };
}

/** Locked: of one message that comes twice at once, the second waits and finds the first. */
async function inboundEndpoint(ctx: TenantContext, id: number): Promise<EndpointRow> {
  const endpoint = await store.find(ctx, webhookEndpoints, id, true);
  if (!endpoint || endpoint.tenant !== ctx.tenant.id)
    throw new Invalid({ endpoint_id: ['Webhook endpoint not found.'] });
  if (endpoint.direction !== 'inbound')
    throw new Invalid({ endpoint_id: ['This endpoint is outbound. Name an inbound one.'] });
  if (!endpoint.is_active) throw new Invalid({ endpoint_id: ['This endpoint is disabled.'] });
  return endpoint;
}

async function earlier(ctx: TenantContext, endpoint: number, hash: string): Promise<number | undefined> {
  const sql = 'SELECT id FROM webhook_deliveries WHERE endpoint_id = ? AND message_hash = ?';
  const [row] = await ctx.db.query<{ id: number }>(sql, [endpoint, hash]);
  return row?.id;
}
