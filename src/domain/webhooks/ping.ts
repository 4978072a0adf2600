/** A message to see whether a receiver takes it: signed and sent like any other, and kept nowhere. */
import { newUuid } from '../../base/ids.ts';
import { type Context, timestamp } from '../../db/context.ts';
import { guarded } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { outcomeOf } from './outcome.ts';
import { webhookEndpoints } from './resource.ts';
import { secretColumns } from './secrets.ts';
import type { Sender } from './sender.ts';
import { type Endpoint, signed } from './target.ts';

export interface Pong {
  endpoint: number;
  url: string;
  delivered: boolean;
  status: number | null;
  ms: number;
  ip: string | null;
  reason: string;
  error: string;
  response_body: string;
}

/** Whether the endpoint is disabled does not matter, so that it can be tried before it is enabled. */
export const ping = (ctx: Context, sender: Sender, id: number): Promise<Pong> =>
  guarded(ctx, 'webhooks', 'view', async (inside) => {
    const { url } = await store.get(inside, webhookEndpoints, id);
    const sql = `SELECT id AS endpoint_id, tenant_id, url, headers_sealed, ${secretColumns} FROM webhook_endpoints WHERE id = ?`;
    const [endpoint] = await inside.db.query<Endpoint>(sql, [id]);
    const event = 'webhook.test';
    const message = `test_${newUuid()}`;
    const data = { id, message: 'A test. Nothing happened.' };
    const head = { event, webhook_endpoint_id: id, tenant_id: inside.tenant.id, occurred_at: timestamp(inside) };
    const body = Buffer.from(JSON.stringify({ ...head, sequence: null, data }));
    const numbered = { event, delivery: message, message, number: 1 };
    const answer = await sender.send(signed(inside, endpoint!, numbered, body));
    const outcome = outcomeOf(answer, inside.now());
    const delivered = outcome.verdict === 'success';
    const { ip, ms, body: response_body } = answer;
    const { reason, error } = delivered ? { reason: '', error: '' } : outcome;
    return { endpoint: id, url, delivered, status: answer.status || null, ms, ip, reason, error, response_body };
  });
