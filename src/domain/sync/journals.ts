/** The journals of sync as the API has them: read by every role, and a conflict is settled by whoever may change assets. */
import { z } from 'zod';
import { Conflict } from '../../base/errors.ts';
import type { Context } from '../../db/context.ts';
import { type Clause, list, type Page, parseListQuery, type QueryText } from '../../resource/pages.ts';
import { parse } from '../../resource/parse.ts';
import { guarded, idOf, type Operation, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import * as conflicts from './conflicts.ts';
import { type ConflictRow, resolutions, syncConflicts, syncQuarantine } from './resource.ts';

export const servedQuarantine = serve(syncQuarantine, {}, ['list', 'get']);
export const servedConflicts = serve(syncConflicts, {}, ['list', 'get']);

export const conflictStates = ['open', 'settled'] as const;
const Query = z.object({ state: z.enum(conflictStates).optional() });

const open: Clause = { text: 'resolution IS NULL', params: [] };
const settled: Clause = { text: 'resolution IS NOT NULL', params: [] };

/** `?state=open` lists what nobody has settled yet. */
servedConflicts.list = (ctx, { state, ...rest } = {}): Promise<Page<ConflictRow>> =>
  guarded(ctx, syncConflicts.area, 'view', (inside) => {
    const wanted = parse(Query, { state: state === '' ? undefined : state }).state;
    const within = wanted === undefined ? [] : [wanted === 'open' ? open : settled];
    return list(inside, syncConflicts, parseListQuery(syncConflicts, rest as QueryText), within);
  });
servedConflicts.operations.find(({ kind }) => kind === 'page')!.query = Query;

const Resolve = z.object({ resolution: z.enum(resolutions) });

/** As an app's acknowledgement does. The same answer again changes nothing; Conflict for the other one. */
export const resolve = (ctx: Context, id: number, body: unknown): Promise<ConflictRow> =>
  guarded(ctx, syncConflicts.area, 'change', async (inside) => {
    const { id: conflict_id } = await store.get(inside, syncConflicts, id);
    const { resolution } = parse(Resolve, body);
    await conflicts.settle(inside, { conflict_id, resolution });
    const row = await store.get(inside, syncConflicts, id);
    if (row.resolution === resolution) return row;
    throw new Conflict(`This conflict is settled already: ${row.resolution}. Change the asset itself.`);
  });

export const journalOperations: Operation[] = [
  ...servedQuarantine.operations,
  ...servedConflicts.operations,
  {
    id: 'sync-conflicts.resolve',
    method: 'POST',
    path: 'sync-conflicts/:id/resolve',
    tag: 'sync-conflicts',
    summary: 'Settle a conflict: `accept_server` leaves what is there, `keep_local` writes the value that lost',
    area: syncConflicts.area,
    action: 'change',
    kind: 'row',
    status: 200,
    body: Resolve,
    answer: syncConflicts.read,
    resource: syncConflicts,
    run: (ctx, input) => resolve(ctx, idOf(input), input.body),
  },
];
