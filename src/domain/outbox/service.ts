/**
 * The outbox: what happened, written in the transaction of the change that it tells, with a delivery for each endpoint that
 * waits for it. So there is no event without its change, and no change without its event.
 */
import { type TenantContext, timestamp } from '../../db/context.ts';
import * as changes from '../../queue/changes.ts';
import type { listenersOf } from './listeners.ts';
import { triggerOf, wants } from './names.ts';
import { type Raised, write } from './write.ts';

export { bytesOf, type Draft, find, type Told } from './body.ts';
export { listenersOf } from './listeners.ts';
export { type EventName, eventNames, wants } from './names.ts';

export interface Happening {
  /** One of `eventNames`, or whatever a workflow's dispatch_webhook says. */
  name: string;
  entity: string;
  entity_id: number;
  /** The row; for a deleted one, as it was. */
  data: object;
  /** `{field: [before, after]}` of a change. */
  changes?: Record<string, [unknown, unknown]>;
  /** That endpoint alone, whatever it waits for. */
  endpoint?: number;
  /** The change whose number it has, where that is not the one of its entity. */
  change?: { entity: string; entity_id: number };
}

/** Adds an event to the transaction; its change must be in the change log already. Costs nothing where nobody listens. */
export function append(ctx: TenantContext, happening: Happening): void {
  const { listeners } = ctx.tenant;
  if (listeners && !isHeard(listeners, happening)) return;
  const { entity, entity_id } = happening.change ?? happening;
  const event: Raised = {
    ...happening,
    ctx,
    occurred_at: timestamp(ctx),
    entry: changes.latest(ctx, entity, entity_id),
  };
  ctx.db.beforeCommit(write, event);
}

type Listeners = Awaited<ReturnType<typeof listenersOf>>;

const isHeard = ({ endpoints, triggers }: Listeners, { name, endpoint }: Happening): boolean =>
  endpoint !== undefined ||
  endpoints.some(({ events }) => wants(events, name)) ||
  triggers.includes(triggerOf[name] ?? '');
