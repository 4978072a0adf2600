/** What every call below the ways in is told first: where to read and write, for whom, by whom and when. */
import type { Log } from '../base/log.ts';
import type { Vault } from '../base/vault.ts';
import type { Db } from './database.ts';

export type Role = 'admin' | 'operator' | 'auditor' | 'read_only';

export interface Tenant {
  id: number;
  name: string;
  slug: string;
  settings: Record<string, unknown>;
  /** What an active form is enforced on; undefined where nobody has asked. */
  formTargets?: readonly string[];
  /** Who waits for its events; undefined where nobody has asked. */
  listeners?: Listeners;
}

/** Who is told of a tenant's events. */
export interface Listeners {
  endpoints: readonly { id: number; lane: number; active: boolean; events: readonly string[]; maxAttempts: number }[];
  /** Trigger types of active workflows. */
  triggers: readonly string[];
}

export interface Actor {
  kind: 'user' | 'token' | 'system';
  /** The user's or token's id; null for the system itself. */
  id: number | null;
  /** What history shows: a username, `token:NAME`, `device:NAME`, `cli`. */
  label: string;
  /** The role in ctx.tenant; null outside a tenant. */
  role: Role | null;
  superuser: boolean;
}

export interface Context {
  db: Db;
  /** Null until a tenant is named; every tenant resource asks for it through the guarded door. */
  tenant: Tenant | null;
  actor: Actor;
  /** What it was done with, where that is known: a scanner, an app's own identifier. */
  device?: string | undefined;
  now: () => Date;
  log: Log;
  /** Opens and seals what the database keeps encrypted; only there where something does. */
  vault?: Vault | undefined;
  /** The site's folder, for what lies in files; only there where something does. */
  folder?: string | undefined;
  /** How many workflows led here, each by what the one before it did; 0 where none did. */
  depth?: number | undefined;
}

/** The vault, for whoever cannot do without. */
export function vaultOf(ctx: Context): Vault {
  if (!ctx.vault) throw new Error('This context was made without the vault of the site.');
  return ctx.vault;
}

/** A context whose tenant is known: what the guarded door hands on. */
export interface TenantContext extends Context {
  tenant: Tenant;
}

/** Runs work with a ctx whose db is one transaction; joins the outer one when there is one. */
export function inTransaction<C extends Context, T>(ctx: C, work: (tx: C) => Promise<T>): Promise<T> {
  return ctx.db.transaction((db) => work({ ...ctx, db }));
}

/** The same in a transaction that short works share: see `Db.shared`. */
export function inShared<C extends Context, T>(ctx: C, work: (tx: C) => Promise<T>): Promise<T> {
  return ctx.db.shared((db) => work({ ...ctx, db }));
}

/** The context's time in the one stored form: RFC 3339 UTC with milliseconds. */
export const timestamp = (ctx: Context): string => ctx.now().toISOString();
