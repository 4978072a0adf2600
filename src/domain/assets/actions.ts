/** What can be done to an asset besides reading and writing its fields. */
import { guarded, type Input, idOf, type Operation } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import * as history from '../history/service.ts';
import { Bulk, BulkAnswer, bulk } from './bulk.ts';
import { codesOf, NewCode, registerCode } from './codes.ts';
import { CheckIn, CheckOut, checkIn, checkOut, Move, move } from './custody.ts';
import { byTag } from './lifecycle.ts';
import { assetCodes, assets } from './resource.ts';

const base = { tag: 'assets', area: 'assets', status: 200, resource: assets } as const;
const custody = { ...base, method: 'POST', action: 'change', kind: 'row', answer: assets.read } as const;

export const assetActions: Operation[] = [
  {
    ...base,
    id: 'assets.bulk',
    method: 'POST',
    path: 'assets/bulk',
    summary: 'Create or update up to 1,000 assets, with a result each',
    action: 'change',
    kind: 'value',
    body: Bulk,
    bodyLimit: 5 * 1024 * 1024,
    answer: BulkAnswer,
    run: (ctx, input) => bulk(ctx, input.body),
  },
  {
    ...base,
    id: 'assets.by-tag',
    method: 'GET',
    path: 'assets/by-tag/:tag',
    summary: 'Read the asset of a tag',
    action: 'view',
    kind: 'row',
    answer: assets.read,
    run: (ctx, input) => byTag(ctx, input.params.tag ?? ''),
  },
  {
    ...base,
    id: 'assets.history',
    method: 'GET',
    path: 'assets/:id/history',
    summary: 'List the audit trail of an asset',
    action: 'view',
    kind: 'page',
    answer: history.resource.read,
    resource: history.resource,
    run: (ctx, input) => historyOf(ctx, input),
  },
  {
    ...custody,
    id: 'assets.check-out',
    path: 'assets/:id/check-out',
    summary: 'Hand an asset to a member',
    body: CheckOut,
    run: (ctx, input) => checkOut(ctx, idOf(input), input.body),
  },
  {
    ...custody,
    id: 'assets.check-in',
    path: 'assets/:id/check-in',
    summary: 'Take an asset back',
    body: CheckIn,
    run: (ctx, input) => checkIn(ctx, idOf(input), input.body),
  },
  {
    ...custody,
    id: 'assets.move',
    path: 'assets/:id/move',
    summary: 'Put an asset at a location',
    body: Move,
    run: (ctx, input) => move(ctx, idOf(input), input.body),
  },
  {
    ...base,
    id: 'assets.codes.list',
    method: 'GET',
    path: 'assets/:id/codes',
    summary: 'List the codes of an asset',
    action: 'view',
    kind: 'page',
    answer: assetCodes.read,
    resource: assetCodes,
    run: (ctx, input) => codesOf(ctx, idOf(input), input.query),
  },
  {
    ...base,
    id: 'assets.codes.create',
    method: 'POST',
    path: 'assets/:id/codes',
    summary: 'Give an asset a further code, or claim a printed one for it',
    action: 'change',
    kind: 'row',
    status: 201,
    body: NewCode,
    answer: assetCodes.read,
    run: (ctx, input) => registerCode(ctx, idOf(input), input.body),
  },
];

const historyOf = (ctx: Parameters<Operation['run']>[0], input: Input) =>
  guarded(ctx, 'assets', 'view', async (inside) => {
    const { id } = await store.get(inside, assets, idOf(input));
    return history.ofAsset(inside, id, input.query);
  });
