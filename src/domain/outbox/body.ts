/** The body of an event: a draft and a number, so that every delivery and every attempt sends, and signs, the same bytes. */
import type { TenantContext } from '../../db/context.ts';
import * as changes from '../../queue/changes.ts';
import type { Raised } from './write.ts';

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

/** What of an event its body is made of. */
export interface Draft {
  change_id: number | null;
  sequence: number | null;
  draft: string;
}

/** The same bytes every time: what is not numbered yet when it is asked for is numbered first. */
export async function bytesOf(ctx: TenantContext, { change_id, sequence, draft }: Draft): Promise<string> {
  if (sequence !== null || change_id === null) return numbered(draft, sequence);
  return numbered(draft, await changes.numberOf(ctx, change_id));
}

/** What an event told, for whoever works on it here and needs no number. */
export interface Told {
  id: number;
  name: string;
  entity: string;
  entity_id: number;
  depth: number;
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
