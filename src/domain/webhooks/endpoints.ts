/** Endpoints that we send to and that send to us. */

import { isForbidden } from '../../base/address-policy.ts';
import { Invalid } from '../../base/errors.ts';
import { newSecret } from '../../base/ids.ts';
import type { TenantContext } from '../../db/context.ts';
import * as lanes from '../../queue/lanes.ts';
import type { Fields } from '../../resource/define.ts';
import * as store from '../../resource/store.ts';
import { raiseVersion } from '../accounts/service.ts';
import * as outbox from '../outbox/service.ts';
import { checkEvents } from './events.ts';
import * as health from './health.ts';
import { type EndpointRow, webhookEndpoints } from './resource.ts';
import { replaceSecret, seal } from './secrets.ts';

type Values = Fields<typeof webhookEndpoints>;

/** An outbound endpoint always has a secret; one that is made here is in this answer and in no other. */
export async function create(ctx: TenantContext, { secret, headers, ...values }: Values): Promise<EndpointRow> {
  checkUrl(values);
  checkEvents(values);
  const outbound = values.direction === 'outbound';
  const made = !secret && outbound ? newSecret() : undefined;
  const kept = secret || made;
  const row = await store.insert(
    ctx,
    webhookEndpoints,
    { ...values, header_names: Object.keys(headers ?? {}), last_delivery_at: null },
    {
      secret_sealed: kept ? seal(ctx, kept) : null,
      lane_id: outbound ? await lanes.make(ctx, 'webhooks', laneOf(values)) : 0,
      headers_sealed: sealedHeaders(ctx, headers),
    },
  );
  if (outbound) await health.begin(ctx, row.id);
  // Who listens is kept with the permissions.
  await raiseVersion(ctx);
  tellCreated(ctx, row);
  return made === undefined ? row : { ...row, secret: made };
}

/** The new endpoint hears it too: what listeners were known before is of no use. */
function tellCreated(ctx: TenantContext, row: EndpointRow): void {
  const { listeners, ...tenant } = ctx.tenant;
  const event = { name: 'webhook.created', entity: webhookEndpoints.entity, entity_id: row.id, data: row };
  outbox.append({ ...ctx, tenant }, event);
}

export async function update(
  ctx: TenantContext,
  row: EndpointRow,
  { secret, headers, ...changes }: Partial<Values>,
): Promise<EndpointRow> {
  if (changes.direction !== undefined && changes.direction !== row.direction)
    throw new Invalid({ direction: ['An endpoint keeps its direction. Make another one.'] });
  checkUrl({ ...row, ...changes });
  if (changes.events) checkEvents({ direction: row.direction, events: changes.events });
  if (secret) await replaceSecret(ctx, row.id, secret);
  const written: Partial<EndpointRow> = { ...changes };
  if (headers) {
    written.header_names = Object.keys(headers);
    const sql = 'UPDATE webhook_endpoints SET headers_sealed = ? WHERE id = ?';
    await ctx.db.execute(sql, [sealedHeaders(ctx, headers), row.id]);
  }
  const updated = await store.update(ctx, webhookEndpoints, row, written);
  if (row.direction === 'outbound') await adjustLane(ctx, row, updated);
  await raiseVersion(ctx);
  return updated;
}

/** An endpoint that is enabled again, or leads elsewhere now, is not held to how it fared before. */
async function adjustLane(ctx: TenantContext, before: EndpointRow, after: EndpointRow): Promise<void> {
  const lane = await laneIdOf(ctx, after.id);
  await lanes.set(ctx, lane, laneOf(after));
  if (before.is_active === after.is_active && before.url === after.url) return;
  await health.forgive(ctx, after.id);
  await lanes.free(ctx, lane);
}

export async function remove(ctx: TenantContext, row: EndpointRow): Promise<void> {
  const lane = await laneIdOf(ctx, row.id);
  await store.remove(ctx, webhookEndpoints, row.id);
  await lanes.remove(ctx, lane);
  await raiseVersion(ctx);
}

async function laneIdOf(ctx: TenantContext, endpoint: number): Promise<number> {
  const sql = 'SELECT lane_id FROM webhook_endpoints WHERE id = ?';
  return (await ctx.db.query<{ lane_id: number }>(sql, [endpoint]))[0]?.lane_id ?? 0;
}

const laneOf = ({ max_in_flight, ordered, rate_per_s }: lanes.LaneSettings): lanes.LaneSettings => ({
  max_in_flight,
  ordered,
  rate_per_s,
});

const sealedHeaders = (ctx: TenantContext, headers: Record<string, string> | null | undefined): string | null =>
  headers && Object.keys(headers).length > 0 ? seal(ctx, JSON.stringify(headers)) : null;

function checkUrl({ direction, url }: { direction: string; url: string }): void {
  if (direction === 'inbound' && url === '') return;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol))
    throw new Invalid({ url: ['Enter a valid URL, such as https://example.org/hook.'] });
  if (parsed.username || parsed.password)
    throw new Invalid({ url: ['A URL is shown to everyone who may read it: leave out user and password.'] });
  const address = parsed.hostname.replace(/^\[|\]$/g, '');
  if (isForbidden(address))
    throw new Invalid({
      url: [`Webhooks are never sent to ${address}: it is a link-local, metadata, multicast or reserved address.`],
    });
}
