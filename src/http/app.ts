/** The API: what a request passes, in order, and every route there is. */
import cors from '@koa/cors';
import Router from '@koa/router';
import Koa, { type Context as KoaContext } from 'koa';
import type { Config } from '../base/config.ts';
import type { Log } from '../base/log.ts';
import type { Vault } from '../base/vault.ts';
import type { Context } from '../db/context.ts';
import type { Database } from '../db/database.ts';
import type { Access } from '../domain/accounts/service.ts';
import { operations } from '../domain/resources.ts';
import { clientAddress } from './client-address.ts';
import { mountDocs } from './docs.ts';
import { answerErrors, answerUnrouted } from './errors.ts';
import { type Checks, mountHealth } from './health.ts';
import { mountInbound } from './inbound.ts';
import { mountKiosk } from './kiosk.ts';
import { mountLive, Streams } from './live.ts';
import { type Enter, mount } from './mount.ts';
import { observe, type RequestState } from './request.ts';
import { type Begin, mountSession } from './session.ts';

export interface AppParts {
  config: Config;
  database: Database;
  log: Log;
  access: Access;
  vault: Vault;
  /** Parts that run beside the API and have a say in /health/. */
  checks: Checks;
  /** Reads gauges that are not counted as things happen; called before the numbers are answered. */
  measure?: () => Promise<void>;
  /** Stopped before the server, which waits for answers under way. */
  streams?: Streams;
  now?: () => Date;
}

export function createApp(parts: AppParts): Koa<RequestState> {
  const { config, database, access, checks } = parts;
  const log = parts.log.child({ logger: 'assetra.api' });
  const app = new Koa<RequestState>();
  // X-Forwarded-Proto and -Host for links; addresses are told by `clientAddress`.
  app.proxy = config.http.trustedProxies.length > 0;
  // Faults of a socket that went away under us; everything else was answered and logged.
  app.on('error', (error) => log.debug({ err: error }, 'connection lost'));
  const router = new Router();
  const { begin, enter } = contexts(parts, log);
  mountHealth(router, database, checks, parts.measure);
  mountDocs(router);
  const addressOf = clientAddress(config.http.trustedProxies);
  mountSession(router, access, begin, enter, addressOf);
  mountKiosk(router, { begin, enter, addressOf, checks });
  mountInbound(router, begin);
  mountLive(router, enter, parts.streams ?? new Streams(database));
  mount(router, operations, enter);
  app.use(observe(log));
  app.use(crossOrigin(config.http.corsOrigins));
  app.use(answerErrors(log));
  app.use(answerUnrouted);
  app.use(router.routes() as never);
  app.use(router.allowedMethods() as never);
  return app;
}

/** Health and numbers alone, of a process that does not serve the API. */
export function createProbe({
  database,
  checks,
  measure,
}: Pick<AppParts, 'database' | 'checks' | 'measure'>): Koa<RequestState> {
  const app = new Koa<RequestState>();
  const router = new Router();
  mountHealth(router, database, checks, measure);
  app.use(router.routes() as never);
  return app;
}

/** How a request becomes a ctx: bare at first, then with its caller and tenant. */
function contexts(
  { config, database, access, vault, now = () => new Date() }: AppParts,
  log: Log,
): { begin: Begin; enter: Enter } {
  const nobody = { kind: 'system', id: null, label: 'anonymous', role: null, superuser: false } as const;
  const begin = (): Context => ({ db: database, tenant: null, actor: nobody, now, log, vault, folder: config.dir });
  const enter = async (context: KoaContext) => {
    const ctx = begin();
    const principal = await access.authenticate(ctx, context.get('Authorization'));
    const { tenant, actor } = await access.enterTenant(ctx, principal, context.get('X-Tenant-ID'));
    context.state.tenant_id = String(tenant.id);
    if (actor.kind === 'user' && actor.id !== null) context.state.user_id = actor.id;
    return { ...ctx, tenant, actor };
  };
  return { begin, enter };
}

const crossOrigin = (origins: string[]) =>
  cors({
    origin: (context) =>
      origins.includes('*') || origins.includes(context.get('Origin')) ? context.get('Origin') : '',
    allowHeaders: [
      'Authorization',
      'Content-Type',
      'X-Tenant-ID',
      'X-Request-ID',
      'If-Match',
      'Idempotency-Key',
      'Range',
      'If-Range',
    ],
    exposeHeaders: [
      'ETag',
      'X-Request-ID',
      'Retry-After',
      'Idempotent-Replayed',
      'Content-Disposition',
      'Content-Range',
    ],
    maxAge: 600,
    keepHeadersOnError: true,
  });
