/** What a delivery is sent to and with: read before each attempt, so that a change of the endpoint counts at once. */
import { gathered } from '../../base/gather.ts';
import { sha256 } from '../../base/ids.ts';
import type { Context, TenantContext } from '../../db/context.ts';
import type { Db } from '../../db/database.ts';
import { listOf } from '../../db/lists.ts';
import * as outbox from '../outbox/service.ts';
import { headersOf, type Keys } from './headers.ts';
import type { Health } from './health.ts';
import { open, type SecretColumns, secretColumns, standing } from './secrets.ts';
import type { Message } from './sender.ts';

export interface Endpoint extends SecretColumns {
  endpoint_id: number;
  tenant_id: number;
  url: string;
  headers_sealed: string | null;
}

export interface Target extends Endpoint {
  id: number;
  round: number;
  attempt_count: number;
  status: string;
  event_name: string;
  event_id: number | null;
  payload: string;
  /** Of the event; all null where there is none. */
  change_id: number | null;
  sequence: number | null;
  draft: string | null;
  name: string;
  is_active: boolean;
  max_attempts: number;
  state: Health['state'];
  failing_since: string | null;
}

const sql =
  'SELECT d.id, d.endpoint_id, d.tenant_id, d.round, d.attempt_count, d.status, d.event_name, d.event_id, d.payload, ' +
  `e.name, e.url, e.is_active, e.max_attempts, e.headers_sealed, ${secretColumns}, h.state, h.failing_since, ` +
  'o.change_id, o.sequence, o.draft ' +
  'FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id ' +
  'JOIN webhook_health h ON h.endpoint_id = e.id LEFT JOIN outbox_events o ON o.id = d.event_id WHERE d.id IN ';

/** Read with one statement, as each comes with the body of its event. */
const readTogether = 64;
const read = gathered(targetsOf, readTogether);

/** As it stands once it is asked for; deliveries that begin together are read together. */
export const targetOf = ({ db }: Context, delivery: number): Promise<Target | undefined> => read(db, delivery);

async function targetsOf(db: Db, deliveries: readonly number[]): Promise<Map<number, Target>> {
  const { marks, params } = listOf(deliveries);
  const rows = await db.query<Target>(sql + marks, params);
  return new Map(rows.map((row) => [row.id, row]));
}

/** Bytes of a body; a longer one tells only what happened to what, and the receiver asks for the rest. */
const longest = 256 * 1024;

export async function messageOf(ctx: TenantContext, target: Target): Promise<Message> {
  const { event_id, id } = target;
  const { change_id, sequence, draft } = target;
  const text = draft === null ? target.payload : await outbox.bytesOf(ctx, { change_id, sequence, draft });
  const body = Buffer.from(text);
  const attempt = {
    event: target.event_name,
    delivery: String(id),
    // The digest: after a restore, ids come again with other events.
    message: `${event_id === null ? `dlv_${id}` : `evt_${event_id}`}_${sha256(body).slice(0, 12)}`,
    number: target.attempt_count + 1,
  };
  return signed(ctx, target, attempt, body.length > longest ? thin(text) : body);
}

/** Still signed JSON of the same form, without the row and its changes. */
function thin(text: string): Buffer {
  const { data, changes: _, ...head } = JSON.parse(text) as { data?: { id?: number }; changes?: object };
  return Buffer.from(JSON.stringify({ ...head, data: { id: data?.id ?? null }, truncated: true }));
}

type Numbered = Omit<Parameters<typeof headersOf>[0], 'timestamp'>;

/** With a time and signatures of now. */
export function signed(ctx: Context, endpoint: Endpoint, attempt: Numbered, body: Buffer): Message {
  const timestamp = Math.floor(ctx.now().getTime() / 1_000);
  const own = endpoint.headers_sealed ? JSON.parse(open(ctx, endpoint.tenant_id, endpoint.headers_sealed)) : {};
  return { url: endpoint.url, body, headers: headersOf({ ...attempt, timestamp }, keysOf(ctx, endpoint), own, body) };
}

function keysOf(ctx: Context, endpoint: Endpoint): Keys {
  const now = standing(endpoint, ctx.now());
  const clear = (sealed: string | null) => (sealed ? open(ctx, endpoint.tenant_id, sealed) : undefined);
  return {
    current: clear(now.secret_sealed),
    next: clear(now.next_secret_sealed),
    previous: clear(now.previous_secret_sealed),
  };
}
