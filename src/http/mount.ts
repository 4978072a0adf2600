/** Operations -> routes. Caller first, then tenant, then body, then the operation, which is its own guard. */
import type Router from '@koa/router';
import type { Context as KoaContext, Middleware } from 'koa';
import { Forbidden, Invalid, NotFound } from '../base/errors.ts';
import type { Context, TenantContext } from '../db/context.ts';
import { etagOf } from '../resource/etag.ts';
import { once } from '../resource/idempotency.ts';
import type { Page } from '../resource/pages.ts';
import { may } from '../resource/roles.ts';
import { type FileAnswer, type Input, type Operation, Reply, type StoredFile } from '../resource/serve.ts';
import { readImage, readJson } from './body.ts';
import { sendFile, sendStored } from './files.ts';
import { csvOf, pageBody } from './pages.ts';
import type { RequestState } from './request.ts';

/** Who calls, as a context; throws Unauthenticated or Forbidden. */
export type Enter = (context: KoaContext) => Promise<TenantContext>;

const prefix = '/api/v1';

/** Fixed paths stand before those with parameters, which would swallow them. */
export function mount(router: Router, operations: readonly Operation[], enter: Enter): void {
  const byPath = [...operations].sort((one, two) => Number(one.path.includes(':')) - Number(two.path.includes(':')));
  for (const operation of byPath) {
    const path = `${prefix}/${operation.path}`;
    const method = operation.method.toLowerCase() as 'get';
    router[method](path, answer(operation, `${path}/`, enter) as never);
  }
}

function answer(operation: Operation, endpoint: string, enter: Enter): Middleware<RequestState> {
  return async (koa) => {
    koa.state.endpoint = endpoint;
    const context = koa as unknown as KoaContext;
    const ctx = await enter(context);
    const allowed = may(ctx.actor, operation.area, operation.action);
    if (!allowed && !(operation.reads && may(ctx.actor, operation.area, 'view'))) throw new Forbidden();
    const input = await inputOf(context, operation);
    if (!allowed && !operation.reads?.(input.body)) throw new Forbidden();
    const key = operation.method === 'POST' ? context.get('Idempotency-Key') : '';
    const isRead = operation.action === 'view' || Boolean(operation.reads?.(input.body));
    if (key && !isRead && operation.kind !== 'file') return answerOnce(context, ctx, operation, input, key);
    if (operation.kind === 'page' && context.query.format === 'csv') return sendCsv(context, ctx, operation, input);
    const result = await operation.run(ctx, input);
    if (operation.kind === 'page') return sendPage(context, result as Page);
    if (operation.kind === 'file') return sendAnyFile(context, result as FileAnswer | StoredFile);
    return send(context, operation, result);
  };
}

async function inputOf(context: KoaContext, operation: Operation): Promise<Input> {
  const params: Record<string, string> = (context as unknown as { params: Record<string, string> }).params;
  if (Object.values(params).some((value) => value.includes('\0'))) throw new NotFound();
  const broken = Object.entries(context.query).filter(([, value]) => String(value).includes('\0'));
  if (broken.length > 0)
    throw new Invalid(Object.fromEntries(broken.map(([key]) => [key, ['Null characters are not allowed.']])));
  const body = operation.body || operation.bodyKind ? await bodyOf(context, operation) : undefined;
  const ifMatch = context.get('If-Match') || undefined;
  return { params, query: context.query, body, ifMatch };
}

const bodyOf = (context: KoaContext, operation: Operation): Promise<unknown> =>
  operation.bodyKind === 'image' ? readImage(context, operation.bodyLimit) : readJson(context, operation.bodyLimit);

async function answerOnce(
  context: KoaContext,
  ctx: TenantContext,
  operation: Operation,
  input: Input,
  key: string,
): Promise<void> {
  const request = `${operation.method} ${context.path.replace(/\/$/, '')}\n${JSON.stringify(input.body)}`;
  const kept = await once(ctx, key, request, async (tx) => {
    const result = await operation.run(tx, input);
    return result instanceof Reply ? result : { status: operation.status, body: result };
  });
  if (kept.replayed) context.set('Idempotent-Replayed', 'true');
  send(context, operation, new Reply(kept.status, kept.body));
}

function send(context: KoaContext, operation: Operation, result: unknown): void {
  const { status, body } = result instanceof Reply ? result : { status: operation.status, body: result };
  context.status = status;
  if (operation.kind === 'empty') {
    context.body = null;
    return;
  }
  const text = JSON.stringify(body);
  if (operation.kind === 'row') {
    const tag = etagOf(text);
    context.set('ETag', tag);
    if (operation.method === 'GET' && isKnown(tag, context.get('If-None-Match'))) {
      context.status = 304;
      return;
    }
  }
  context.type = 'json';
  context.body = text;
}

/** Not Koa's `fresh`: it gives the whole row to a `Cache-Control: no-cache`, which every fetch sends with If-None-Match. */
const isKnown = (tag: string, sent: string): boolean =>
  sent.split(',').some((known) => ['*', tag].includes(known.trim().replace(/^W\//, '')));

function sendPage(context: KoaContext, page: Page): void {
  context.type = 'json';
  context.body = JSON.stringify(pageBody(context, page));
}

async function sendCsv(context: KoaContext, ctx: Context, operation: Operation, input: Input): Promise<void> {
  const body = await csvOf(ctx, operation, input);
  context.attachment(`${operation.tag}.csv`);
  context.type = 'text/csv; charset=utf-8';
  context.body = body;
}

const sendAnyFile = (context: KoaContext, file: FileAnswer | StoredFile): void =>
  'open' in file ? sendStored(context, file) : sendFile(context, file);
