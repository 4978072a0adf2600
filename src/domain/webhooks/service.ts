/** Webhooks, in and out: endpoints, what was delivered, and what came in. */
import { AddressPolicy } from '../../base/address-policy.ts';
import type { Config } from '../../base/config.ts';
import { metrics } from '../../base/metrics.ts';
import type { Context, TenantContext } from '../../db/context.ts';
import type { AnyKind } from '../../queue/kind.ts';
import type { Operation } from '../../resource/serve.ts';
import { deliveryOperations } from './deliveries.ts';
import { deliveryKind } from './delivery.ts';
import { type Failing, failing } from './health.ts';
import { Accepted, Inbound, receive } from './inbound.ts';
import { served } from './listing.ts';
import { redriveKind } from './redrive.ts';
import { replayKind } from './replay.ts';
import { rotationOperations } from './rotation.ts';
import { Sender } from './sender.ts';

export * as deadLetters from './dead-letters.ts';
export { servedDeliveries } from './deliveries.ts';
export { Accepted, receiveSigned, type Signed } from './inbound.ts';
export { served as servedEndpoints } from './listing.ts';
export { named } from './named.ts';
export { type Pong, ping } from './ping.ts';
export { prune } from './retention.ts';
export { promote, type Rotated, rotate } from './rotation.ts';
export { isSignature, secretOf, signatureOf, standardSecret, standardSignatureOf } from './secrets.ts';
export { Sender } from './sender.ts';

/** As the settings of the site have it; `close()` it at the end. */
export const senderOf = ({ allowedHosts, timeoutSeconds }: Config['webhooks']): Sender =>
  new Sender({ policy: new AddressPolicy(allowedHosts), timeoutSeconds });

/** The jobs of webhooks. */
export const kinds = (
  sender: Sender,
  settings: Pick<Config['webhooks'], 'redriveHours' | 'disableDays'>,
): AnyKind[] => [deliveryKind(sender, settings), redriveKind(settings.redriveHours), replayKind];

/** With MIN(), SQLite takes another index than the one that was made for it. */
export const oldestPending =
  'SELECT pending_since AS since FROM webhook_deliveries ' +
  "WHERE status = 'pending' AND pending_since IS NOT NULL ORDER BY pending_since LIMIT 1";

/** Sets the gauges that only the database knows. */
export async function measure(ctx: Context): Promise<void> {
  const [waiting] = await ctx.db.query<{ since: string }>(oldestPending);
  const age = waiting ? (ctx.now().getTime() - Date.parse(waiting.since)) / 1_000 : 0;
  metrics.oldestDelivery.set(Math.max(0, age));
  const open = "SELECT COUNT(*) AS count FROM webhook_health WHERE state = 'open'";
  metrics.openBreakers.set(Number((await ctx.db.query<{ count: number }>(open))[0]!.count));
  metrics.failingEndpoints.set(await failingLong(ctx));
}

const failingLong = async (ctx: Context): Promise<number> => (await failing(ctx)).filter(({ long }) => long).length;

/** For `/health/`, which anybody may ask: how many endpoints have taken nothing for hours, and not which. */
export async function health(ctx: Context) {
  const long = await failingLong(ctx);
  return {
    status: long > 0 ? ('degraded' as const) : ('healthy' as const),
    component: 'webhooks',
    failing: long,
    ...(long > 0 && {
      error: `${long} webhook endpoint(s) have taken nothing for hours. \`assetra doctor\` names them.`,
    }),
  };
}

/** What `doctor` says: dead letters, and endpoints that fail now. */
export async function troubles(ctx: Pick<Context, 'db'>): Promise<{ dead: number; failing: Failing[] }> {
  const count = "SELECT COUNT(*) AS dead FROM webhook_deliveries WHERE status = 'dead_letter'";
  const [{ dead } = { dead: 0 }] = await ctx.db.query<{ dead: number }>(count);
  return { dead: Number(dead), failing: await failing(ctx) };
}

/** Dead letters of the context's tenant. */
export async function deadCount({ db, tenant }: TenantContext): Promise<number> {
  const sql = "SELECT COUNT(*) AS dead FROM webhook_deliveries WHERE tenant_id = ? AND status = 'dead_letter'";
  return Number((await db.query<{ dead: number }>(sql, [tenant.id]))[0]!.dead);
}

export const webhookOperations: Operation[] = [
  ...served.operations,
  ...rotationOperations,
  ...deliveryOperations,
  {
    id: 'webhooks.inbound',
    method: 'POST',
    path: 'webhooks/inbound',
    tag: 'webhooks',
    summary: "Take what another program tells, with a token or signed with the endpoint's secret",
    area: 'webhooks',
    action: 'create',
    kind: 'value',
    status: 202,
    body: Inbound,
    answer: Accepted,
    run: (ctx, input) => receive(ctx, input.body),
  },
];
