/** Operations on deliveries: what there is, each attempt, and sending again. */
import { z } from 'zod';
import { list, parseListQuery } from '../../resource/pages.ts';
import { guarded, idOf, type Operation, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { cancelReplay, DryReplay, Replay, ReplayBody, replayMany, replayOne, seeReplay } from './replay.ts';
import { shownDeliveries, webhookAttempts } from './resource.ts';

export const servedDeliveries = serve(shownDeliveries, {}, ['list', 'get']);

const base = { tag: 'webhook-deliveries', area: 'webhooks' } as const;

export const deliveryOperations: Operation[] = [
  ...servedDeliveries.operations,
  {
    ...base,
    id: 'webhook-deliveries.attempts',
    method: 'GET',
    path: 'webhook-deliveries/:id/attempts',
    summary: 'Each attempt at the delivery, oldest first, those before a replay too',
    action: 'view',
    kind: 'page',
    status: 200,
    answer: webhookAttempts.read,
    resource: webhookAttempts,
    run: (ctx, input) =>
      guarded(ctx, 'webhooks', 'view', async (inside) => {
        const { id } = await store.get(inside, shownDeliveries, idOf(input));
        const query = parseListQuery(webhookAttempts, input.query);
        return list(inside, webhookAttempts, query, [{ column: 'delivery_id', value: id }]);
      }),
  },
  {
    ...base,
    id: 'webhook-deliveries.replay',
    method: 'POST',
    path: 'webhook-deliveries/:id/replay',
    summary: 'Send it again: the same message, attempts counted anew',
    action: 'execute',
    kind: 'row',
    status: 202,
    answer: shownDeliveries.read,
    run: (ctx, input) => replayOne(ctx, idOf(input)),
  },
  {
    ...base,
    id: 'webhook-deliveries.replay-many',
    method: 'POST',
    path: 'webhook-deliveries/replay',
    summary: 'Send again all that match, dead letters unless said; with dry_run only count them',
    action: 'execute',
    kind: 'value',
    status: 202,
    alsoAnswers: { status: 200, about: 'A dry run: how many match' },
    body: ReplayBody,
    answer: z.union([Replay, DryReplay]),
    run: (ctx, input) => replayMany(ctx, input.body),
  },
  {
    ...base,
    id: 'webhook-deliveries.replay-status',
    method: 'GET',
    path: 'webhook-deliveries/replay/:job',
    summary: 'How far a replay is',
    action: 'view',
    kind: 'value',
    status: 200,
    answer: Replay,
    run: (ctx, input) => seeReplay(ctx, idOf(input, 'job')),
  },
  {
    ...base,
    id: 'webhook-deliveries.replay-cancel',
    method: 'DELETE',
    path: 'webhook-deliveries/replay/:job',
    summary: 'End a replay; what was sent again so far stays so',
    action: 'execute',
    kind: 'empty',
    status: 204,
    run: (ctx, input) => cancelReplay(ctx, idOf(input, 'job')),
  },
];
