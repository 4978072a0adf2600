/** Who calls, and what they may in the tenant they name. Cached exactly: any change of an account raises one version. */
import { Forbidden, Unauthenticated } from '../../base/errors.ts';
import { sha256 } from '../../base/ids.ts';
import { type Actor, type Context, type Role, type Tenant, timestamp } from '../../db/context.ts';
import { listenersOf } from '../outbox/service.ts';
import { verify } from './jwt.ts';
import type { AccessSettings } from './keys.ts';
import { logIn, refresh, type Tokens } from './sessions.ts';

export interface Principal {
  kind: 'user' | 'token';
  id: number;
  label: string;
  superuser: boolean;
  /** An API token's own; a user's come with each tenant. */
  role: Role | null;
  tenantId: number | null;
}

export interface Access {
  logIn(ctx: Context, body: unknown, address: string): Promise<Tokens>;
  refresh(ctx: Context, body: unknown): Promise<Tokens>;
  /** Throws Unauthenticated for a header that names nobody. */
  authenticate(ctx: Context, authorization: string): Promise<Principal>;
  /** Throws Forbidden without a tenant, or with one that the caller is not in. */
  enterTenant(ctx: Context, principal: Principal, reference: string): Promise<{ tenant: Tenant; actor: Actor }>;
}

export const tokenPrefix = 'ast_';
const kept = 10_000;
/** How often the last use of an API token is written, in ms. */
const useInterval = 60_000;

interface Cache {
  version: number;
  /** A read of the version that has not begun, for all who ask until it does. */
  nextRead: Promise<void> | undefined;
  principals: Map<string, { principal: Principal; until: number }>;
  entries: Map<string, { tenant: Tenant; actor: Actor }>;
}

export function createAccess(settings: AccessSettings): Access {
  const cache: Cache = { version: -1, nextRead: undefined, principals: new Map(), entries: new Map() };
  return {
    logIn: (ctx, body, address) => logIn(ctx, settings, body, address),
    refresh: (ctx, body) => refresh(ctx, settings, body),
    authenticate: async (ctx, authorization) => {
      const credentials = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
      if (!credentials) throw new Unauthenticated();
      await freshen(ctx, cache);
      const hit = cache.principals.get(credentials);
      if (hit && hit.until > ctx.now().getTime()) return hit.principal;
      const { version } = cache;
      const found = await (credentials.startsWith(tokenPrefix)
        ? byToken(ctx, credentials)
        : byJwt(ctx, settings, credentials));
      if (version === cache.version) keep(cache.principals, credentials, found);
      return found.principal;
    },
    enterTenant: async (ctx, principal, reference) => {
      const key = `${principal.kind}:${principal.id}:${reference}`;
      const hit = cache.entries.get(key);
      if (hit) return hit;
      const { version } = cache;
      const entry = await enter(ctx, principal, reference);
      // What was read before a change must not outlive it in the cache.
      if (version === cache.version) keep(cache.entries, key, entry);
      return entry;
    },
  };
}

/** What no tenant's admin may: the shell, or a superuser. */
export function requireSuperuser(ctx: Context): void {
  if (!ctx.actor.superuser) throw new Forbidden();
}

/** Marks every cached permission of every process as stale; belongs in the transaction of the change. */
export async function raiseVersion(ctx: Context): Promise<void> {
  await ctx.db.execute('UPDATE auth_version SET version = version + 1 WHERE id = 1');
}

/** Requests that arrive together share one read. Only one that has not begun may be shared: it then sees all before it. */
function freshen(ctx: Context, cache: Cache): Promise<void> {
  cache.nextRead ??= new Promise<void>((resolve, reject) => {
    setImmediate(() => {
      cache.nextRead = undefined;
      readVersion(ctx, cache).then(resolve, reject);
    });
  });
  return cache.nextRead;
}

async function readVersion(ctx: Context, cache: Cache): Promise<void> {
  const rows = await ctx.db.query<{ version: number }>('SELECT version FROM auth_version WHERE id = 1');
  const version = rows[0]?.version ?? -1;
  if (version === cache.version) return;
  cache.version = version;
  cache.principals.clear();
  cache.entries.clear();
}

function keep<T>(map: Map<string, T>, key: string, value: T): void {
  if (map.size >= kept) map.delete(map.keys().next().value!);
  map.set(key, value);
}

async function byJwt(ctx: Context, settings: AccessSettings, token: string) {
  const claims = verify(settings, token, 'access', ctx.now());
  const sql = 'SELECT id, username, is_superuser, is_active FROM users WHERE id = ?';
  const [user] = await ctx.db.query<{ id: number; username: string; is_superuser: boolean; is_active: boolean }>(sql, [
    claims.user_id,
  ]);
  if (!user) throw new Unauthenticated('User not found');
  if (!user.is_active) throw new Unauthenticated('User is inactive');
  const { id, username: label } = user;
  const principal: Principal = {
    kind: 'user',
    id,
    label,
    superuser: Boolean(user.is_superuser),
    role: null,
    tenantId: null,
  };
  return { principal, until: claims.exp * 1000 };
}

interface TokenRow {
  id: number;
  tenant_id: number;
  name: string;
  role: Role;
  expires_at: string | null;
  revoked_at: string | null;
  last_used_at: string | null;
}

async function byToken(ctx: Context, secret: string) {
  const sql =
    'SELECT id, tenant_id, name, role, expires_at, revoked_at, last_used_at FROM api_tokens WHERE token_hash = ?';
  const [row] = await ctx.db.query<TokenRow>(sql, [sha256(secret)]);
  const now = ctx.now().getTime();
  const expires = row?.expires_at ? Date.parse(row.expires_at) : Number.POSITIVE_INFINITY;
  if (!row || row.revoked_at || expires <= now) throw new Unauthenticated('Given token not valid for any token type');
  if (!row.last_used_at || now - Date.parse(row.last_used_at) >= useInterval) noteUse(ctx, row.id);
  const { id, role, tenant_id: tenantId } = row;
  const principal: Principal = { kind: 'token', id, label: `token:${row.name}`, superuser: false, role, tenantId };
  return { principal, until: Math.min(expires, now + useInterval) };
}

/** Not waited for: a scan must neither queue behind another's write nor fail because this one did. */
function noteUse(ctx: Context, token: number): void {
  const sql = 'UPDATE api_tokens SET last_used_at = ? WHERE id = ?';
  ctx.db.execute(sql, [timestamp(ctx), token]).catch((err: unknown) => {
    ctx.log.warn({ err, token_id: token }, 'The last use of an API token could not be written.');
  });
}

interface TenantRow {
  id: number;
  name: string;
  slug: string;
  settings: string;
  is_active: boolean;
}

async function enter(ctx: Context, principal: Principal, reference: string): Promise<{ tenant: Tenant; actor: Actor }> {
  const row = await tenantRow(ctx, reference);
  if (!row?.is_active) throw new Forbidden();
  const role = await roleIn(ctx, principal, row.id);
  if (!role && !principal.superuser) throw new Forbidden();
  const { id, name, slug, settings } = row;
  const { kind, label, superuser } = principal;
  return {
    tenant: {
      id,
      name,
      slug,
      settings: JSON.parse(settings),
      formTargets: await formTargetsOf(ctx, id),
      listeners: await listenersOf(ctx, id),
    },
    actor: { kind, id: principal.id, label, role, superuser },
  };
}

async function tenantRow(ctx: Context, reference: string): Promise<TenantRow | undefined> {
  if (!/^[\w-]{1,80}$/.test(reference)) return undefined;
  const select = 'SELECT id, name, slug, settings, is_active FROM tenants WHERE';
  const byId = /^\d{1,15}$/.test(reference)
    ? await ctx.db.query<TenantRow>(`${select} id = ?`, [Number(reference)])
    : [];
  return byId[0] ?? (await ctx.db.query<TenantRow>(`${select} slug = ?`, [reference]))[0];
}

async function formTargetsOf(ctx: Context, tenant: number): Promise<string[]> {
  const sql = 'SELECT DISTINCT target_model AS target FROM form_definitions WHERE tenant_id = ? AND is_active = ?';
  return (await ctx.db.query<{ target: string }>(sql, [tenant, true])).map(({ target }) => target);
}

async function roleIn(ctx: Context, principal: Principal, tenantId: number): Promise<Role | null> {
  if (principal.kind === 'token') return principal.tenantId === tenantId ? principal.role : null;
  const sql = 'SELECT role FROM memberships WHERE tenant_id = ? AND user_id = ? AND is_active = ?';
  const rows = await ctx.db.query<{ role: Role }>(sql, [tenantId, principal.id, true]);
  return rows[0]?.role ?? null;
}
