/** Logging in, staying logged in, and the tenants one may enter: the routes that need no tenant. */
import type Router from '@koa/router';
import type { Context as KoaContext } from 'koa';
import type { Context } from '../db/context.ts';
import * as accounts from '../domain/accounts/service.ts';
import { readJson } from './body.ts';
import type { AddressOf } from './client-address.ts';
import type { Enter } from './mount.ts';
import { pageBody } from './pages.ts';

/** A context that knows neither caller nor tenant. */
export type Begin = (context: KoaContext) => Context;

export function mountSession(
  router: Router,
  access: accounts.Access,
  begin: Begin,
  enter: Enter,
  addressOf: AddressOf,
): void {
  const route = (method: 'get' | 'post', path: string, work: (context: KoaContext) => Promise<unknown>) =>
    router[method](`/api/v1/${path}`, async (context) => {
      context.state.endpoint = `/api/v1/${path}/`;
      context.type = 'json';
      context.body = JSON.stringify(await work(context as unknown as KoaContext));
    });
  const principalOf = (context: KoaContext, ctx: Context) => access.authenticate(ctx, context.get('Authorization'));
  route('post', 'auth/token', async (context) =>
    access.logIn(begin(context), await readJson(context), addressOf(context)),
  );
  route('post', 'auth/token/refresh', async (context) => access.refresh(begin(context), await readJson(context)));
  route('get', 'auth/context', async (context) => accounts.sessionContext(await enter(context)));
  route('get', 'tenants', async (context) => {
    const ctx = begin(context);
    return pageBody(context, await accounts.tenantsOf(ctx, await principalOf(context, ctx), context.query));
  });
  route('get', 'tenants/:id', async (context) => {
    const ctx = begin(context);
    const { id } = (context as unknown as { params: { id: string } }).params;
    return accounts.tenantOf(ctx, await principalOf(context, ctx), id);
  });
}
