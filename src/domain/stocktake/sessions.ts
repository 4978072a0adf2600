/** Sessions from open to closed. Counts share a hold on the session's row; opening, closing and placing it take it alone. */
import { z } from 'zod';
import { Conflict, Invalid, NotFound } from '../../base/errors.ts';
import { type Context, inTransaction, type TenantContext, timestamp } from '../../db/context.ts';
import type { Fields } from '../../resource/define.ts';
import { list, type Page, parseListQuery, type QueryText } from '../../resource/pages.ts';
import { parse } from '../../resource/parse.ts';
import { guarded, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import * as outbox from '../outbox/service.ts';
import { expectAssets, inChunks } from './expected.ts';
import {
  inventoryLines,
  inventorySessions,
  type LineRow,
  type Outcome,
  type SessionRow,
  sessionStatuses,
} from './resource.ts';

type SessionFields = Fields<typeof inventorySessions>;

export const served = serve(inventorySessions, { create, update, remove, long: true });

/** Consoles of the earlier service close a session by its `status`. */
const Status = z.object({ status: z.enum(sessionStatuses).optional().describe('`closed` closes the session') });
const { change, replace, operations } = served;
served.change = (ctx, id, body, ifMatch) => alsoClosing(ctx, body, (inside) => change(inside, id, body, ifMatch));
served.replace = (ctx, id, body, ifMatch) => alsoClosing(ctx, body, (inside) => replace(inside, id, body, ifMatch));
for (const operation of operations)
  if (operation.action === 'change') operation.body = (operation.body as z.ZodObject).extend(Status.shape);

/** A row that is sent back as it was read changes nothing here. */
async function alsoClosing(
  ctx: Context,
  body: unknown,
  write: (inside: Context) => Promise<SessionRow>,
): Promise<SessionRow> {
  if ((body as { status?: unknown } | null)?.status === undefined) return write(ctx);
  return inTransaction(ctx, async (inside) => {
    const session = await write(inside);
    const { status } = parse(Status, { status: (body as { status: unknown }).status });
    if (status === session.status) return session;
    if (status === 'closed' && session.status === 'open') return close(inside, session.id);
    throw new Invalid({ status: [insteadOf(status!, session)] });
  });
}

const insteadOf = (status: SessionRow['status'], { id, status: now }: SessionRow): string =>
  status === 'reconciled'
    ? `A session is reconciled by POST inventory-sessions/${id}/reconcile/.`
    : `This session is ${now} and stays so. Open another one by POST inventory-sessions/.`;

async function create(ctx: TenantContext, values: SessionFields): Promise<SessionRow> {
  const session = await store.insert(ctx, inventorySessions, {
    ...values,
    status: 'open',
    opened_by: ctx.actor.kind === 'user' ? ctx.actor.id : null,
    opened_by_label: ctx.actor.label,
    opened_at: timestamp(ctx),
    closed_by_label: '',
    closed_at: null,
    reconciled_by_label: '',
    reconciled_at: null,
  });
  if (session.location !== null) await expectAssets(ctx, session);
  tell(ctx, 'inventory_session.opened', session);
  return session;
}

export const tell = (ctx: TenantContext, name: outbox.EventName, session: SessionRow): void =>
  outbox.append(ctx, { name, entity: inventorySessions.entity, entity_id: session.id, data: session });

/** Another place means other expectations, so it is set only while the session is open. */
async function update(ctx: TenantContext, row: SessionRow, wanted: Partial<SessionFields>): Promise<SessionRow> {
  const differs = (field: 'location' | 'include_sublocations') =>
    wanted[field] !== undefined && wanted[field] !== row[field];
  const elsewhere = differs('location') || differs('include_sublocations');
  if (elsewhere && row.status !== 'open')
    throw new Conflict(`This session is ${row.status}, so its location stays. Open another session.`);
  const session = await store.update(ctx, inventorySessions, row, wanted);
  if (elsewhere) await expectAssets(ctx, session);
  return session;
}

/** Its scans stay scan events. A reconciled one is what the history of its assets speaks of. */
async function remove(ctx: TenantContext, row: SessionRow): Promise<void> {
  if (row.status === 'reconciled') throw new Conflict('A reconciled session is kept: the history refers to it.');
  await store.remove(ctx, inventorySessions, row.id);
}

/** The tenant that a session belongs to, for a caller who knows only its id. */
export async function tenantOf(ctx: Context, id: number): Promise<number> {
  const session = await store.find(ctx, inventorySessions, id);
  if (!session) throw new NotFound();
  return session.tenant;
}

export const linesOf = (ctx: Context, id: number, query: QueryText): Promise<Page<LineRow>> =>
  guarded(ctx, 'assets', 'view', async (inside) => {
    const session = await store.get(inside, inventorySessions, id);
    const within = [{ column: 'session_id', value: session.id }];
    return list(inside, inventoryLines, parseListQuery(inventoryLines, query), within);
  });

/** Freezes what was found. Waits for counts under way; what comes after is refused. */
export const close = (ctx: Context, id: number): Promise<SessionRow> =>
  guarded(
    ctx,
    'assets',
    'change',
    async (inside) => {
      const session = await store.get(inside, inventorySessions, id, true);
      if (session.status !== 'open') throw new Conflict(`This session is already ${session.status}.`);
      if (session.location === null)
        throw new Conflict(
          'This session has no location yet. Set its location or scan a location code, then close it.',
        );
      await settle(inside, session.id);
      const closed = { status: 'closed', closed_at: timestamp(inside), closed_by_label: inside.actor.label } as const;
      const row = await store.update(inside, inventorySessions, session, closed);
      tell(inside, 'inventory_session.closed', row);
      return row;
    },
    { long: true },
  );

/** What else a line's outcome says: who arrived during the count belongs here, who left is no longer expected. */
const quantities: Partial<Record<Outcome, string>> = {
  found: ', variance_qty = counted_qty - 1, expected_qty = 1',
  left: ', variance_qty = 0, expected_qty = 0',
};

/** Outcome and place come from one look: an asset that is moved meanwhile must not have the one from before and the other from after. */
async function settle(ctx: TenantContext, session: number): Promise<void> {
  const sql =
    'SELECT id, outcome, recorded_location_id AS place FROM inventory_session_lines WHERE session_id = ? ORDER BY id';
  const lines = await ctx.db.query<Settled>(sql, [session]);
  const alike = new Map<string, Settled & { ids: number[] }>();
  for (const { id, outcome, place } of lines) {
    const key = `${outcome} ${place}`;
    const known = alike.get(key);
    if (known) known.ids.push(id);
    else alike.set(key, { id, outcome, place, ids: [id] });
  }
  for (const { outcome, place, ids } of alike.values())
    for (const { part, marks } of inChunks(ids)) {
      const also = `${quantities[outcome] ?? ''}, recorded_location_id = ?`;
      const update = `UPDATE inventory_lines SET outcome = ?${also} WHERE id IN (${marks})`;
      await ctx.db.execute(update, [outcome, place, ...part]);
    }
}

interface Settled {
  id: number;
  outcome: Outcome;
  place: number | null;
}
