/** What was raised in a transaction, written just before its commit: events, their deliveries, and the jobs that see to them. */
import type { Listeners, TenantContext } from '../../db/context.ts';
import type { Db } from '../../db/database.ts';
import type { Value } from '../../db/dialect.ts';
import { Collision, ReferenceViolation } from '../../db/errors.ts';
import type { Entry } from '../../queue/changes.ts';
import * as jobs from '../../queue/jobs.ts';
import { draftOf } from './body.ts';
import { listenersOf } from './listeners.ts';
import { triggerOf, wants } from './names.ts';
import type { Happening } from './service.ts';

export interface Raised extends Happening {
  ctx: TenantContext;
  occurred_at: string;
  /** The change that it tells; undefined when that was made in no transaction of ours. */
  entry: Entry | undefined;
}

type Endpoint = Listeners['endpoints'][number];

interface Heard {
  event: Raised;
  endpoints: Endpoint[];
  triggers: boolean;
}

/** A delivery that nobody will make is a dead letter from the start, so that it can be replayed. */
const disabled = 'endpoint_disabled';

export async function write(tx: Db, events: Raised[]): Promise<void> {
  const heard = await heardOf(tx, events);
  if (heard.length === 0) return;
  const ids = await tx.insertAll(
    'outbox_events',
    heard.map(({ event }) => rowOf(event)),
  );
  const deliveries = heard.flatMap(({ event, endpoints }, index) =>
    endpoints.map((endpoint) => ({ event, endpoint, id: ids[index]! })),
  );
  const made = await unlessDeleted(() =>
    tx.insertAll(
      'webhook_deliveries',
      deliveries.map(({ event, endpoint, id }) => deliveryOf(event, endpoint, id)),
    ),
  );
  for (const [index, { event, endpoint }] of deliveries.entries())
    if (endpoint.active) jobs.add({ ...event.ctx, db: tx }, deliveryJob(event, endpoint, made[index]!));
  for (const [index, { event, triggers }] of heard.entries())
    if (triggers) jobs.add({ ...event.ctx, db: tx }, triggerJob(event, ids[index]!));
}

/** An endpoint that is deleted just now is no fault of the change: it is made anew, without it. */
async function unlessDeleted<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof ReferenceViolation ? new Collision(error) : error;
  }
}

async function heardOf(tx: Db, events: readonly Raised[]): Promise<Heard[]> {
  const known = new Map<number, Listeners>();
  const heard: Heard[] = [];
  for (const event of events) {
    const { id } = event.ctx.tenant;
    // Not those that were known when the request came: an endpoint may be there, or gone, since.
    const listeners = known.get(id) ?? (await listenersOf({ db: tx }, id));
    known.set(id, listeners);
    const { name, endpoint: only } = event;
    const endpoints = listeners.endpoints.filter(({ id, events }) => (only ? id === only : wants(events, name)));
    const triggers = listeners.triggers.includes(triggerOf[name] ?? '');
    if (endpoints.length > 0 || triggers) heard.push({ event, endpoints, triggers });
  }
  return heard;
}

function rowOf(event: Raised): Record<string, Value> {
  const { ctx, entry, name, entity, entity_id, occurred_at } = event;
  return {
    tenant_id: ctx.tenant.id,
    name,
    entity,
    entity_id,
    change_id: entry?.id ?? null,
    sequence: entry?.seq ?? null,
    depth: ctx.depth ?? 0,
    occurred_at,
    draft: draftOf(event),
    created_at: occurred_at,
    updated_at: occurred_at,
  };
}

const deliveryOf = (event: Raised, endpoint: Endpoint, event_id: number): Record<string, Value> => ({
  tenant_id: event.ctx.tenant.id,
  endpoint_id: endpoint.id,
  event_id,
  event_name: event.name,
  payload: '{}',
  response_code: null,
  response_body: '',
  attempt_count: 0,
  next_attempt_at: endpoint.active ? event.occurred_at : null,
  pending_since: endpoint.active ? event.occurred_at : null,
  last_error: endpoint.active ? '' : 'The endpoint was disabled.',
  reason: endpoint.active ? '' : disabled,
  dead_lettered_at: endpoint.active ? null : event.occurred_at,
  delivered_at: null,
  status: endpoint.active ? 'pending' : 'dead_letter',
  created_at: event.occurred_at,
  updated_at: event.occurred_at,
});

const deliveryJob = ({ ctx }: Raised, { lane, maxAttempts }: Endpoint, delivery: number): jobs.NewJob => ({
  kind: 'webhook.deliver',
  queue: 'webhooks',
  tenant: ctx.tenant.id,
  lane,
  payload: { delivery },
  maxAttempts,
});

const triggerJob = ({ ctx }: Raised, event: number): jobs.NewJob => ({
  kind: 'workflow.trigger',
  queue: 'workflows',
  tenant: ctx.tenant.id,
  payload: { event },
});
