/** The body of an event: made once, so that every delivery and every attempt sends, and signs, the same bytes. */
import type { Context, TenantContext } from '../../db/context.ts';
import * as changes from '../../queue/changes.ts';
import type { Raised } from './write.ts';

export interface EventBody {
  id: number;
  name: string;
  /** JSON, to be sent as it is. */
  body: string;
  entity: string;
  entity_id: number;
  depth: number;
}

/** A place for the number, which may be known only after the commit. No JSON of ours has it elsewhere: it is no valid JSON. */
const place = '"sequence":?';

/** `{"event", "<entity>_id", "tenant_id", "occurred_at", "sequence", "data", "changes"?}`, the number left open. */
export function draftOf({ ctx, name, entity, entity_id, occurred_at, data, changes }: Raised): string {
  const head = { event: name, [`${entity}_id`]: entity_id, tenant_id: ctx.tenant.id, occurred_at };
  const tail = { data, ...(changes && { changes }) };
  return `${JSON.stringify(head).slice(0, -1)},${place},${JSON.stringify(tail).slice(1)}`;
}

/** The head holds no text but names and times, so the first place is the one. */
export const numbered = (draft: string, sequence: number | null): string =>
  draft.replace(place, () => `"sequence":${sequence ?? 'null'}`);

interface Row extends Omit<EventBody, 'body'> {
  change_id: number | null;
  draft: string;
  body: string | null;
}

/** The event with its body; at the first call after the commit its number is asked for, and the body kept. */
export async function bodyOf(ctx: TenantContext, event: number): Promise<EventBody> {
  const sql = 'SELECT id, name, entity, entity_id, depth, change_id, draft, body FROM outbox_events WHERE id = ?';
  const [row] = await ctx.db.query<Row>(sql, [event]);
  const { draft, change_id, ...known } = row!;
  if (known.body !== null) return known as EventBody;
  const sequence = change_id === null ? null : await changes.numberOf(ctx, change_id);
  const body = numbered(draft, sequence);
  await keep(ctx, event, sequence, body);
  return { ...known, body };
}

async function keep(ctx: Context, event: number, sequence: number | null, body: string): Promise<void> {
  const sql = 'UPDATE outbox_events SET sequence = ?, body = ? WHERE id = ? AND body IS NULL';
  await ctx.db.execute(sql, [sequence, body, event]);
}

/** What an event told, for whoever works on it here and needs no number. */
export interface Told extends Omit<EventBody, 'body'> {
  data: Record<string, unknown>;
  changes?: Record<string, [unknown, unknown]>;
}

/** The tenant's event; undefined when there is none any more. */
export async function find(ctx: TenantContext, event: number): Promise<Told | undefined> {
  const sql = 'SELECT id, name, entity, entity_id, depth, draft FROM outbox_events WHERE id = ? AND tenant_id = ?';
  const [row] = await ctx.db.query<Omit<Told, 'data' | 'changes'> & { draft: string }>(sql, [event, ctx.tenant.id]);
  if (!row) return undefined;
  const { draft, ...known } = row;
  const { data, changes } = JSON.parse(numbered(draft, null)) as Pick<Told, 'data' | 'changes'>;
  return { ...known, data, ...(changes && { changes }) };
}
