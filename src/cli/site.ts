/** A command's way into a site: its settings and database, opened for the work and closed after it. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Config, loadConfig } from '../base/config.ts';
import { ConfigError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { openVault } from '../base/vault.ts';
import type { Context, TenantContext } from '../db/context.ts';
import type { Database } from '../db/database.ts';
import type { GlobalFlags } from './command.ts';

export interface Site {
  config: Config;
  database: Database;
  /** In the name of whoever has the shell: may everything. */
  ctx: Context;
  /** The same in the tenant of that id, slug or name. */
  inTenant(reference: string): Promise<TenantContext>;
}

/** Opens the site's database, which must be migrated, and closes it whatever comes of the work. */
export async function withSite<T>(flags: GlobalFlags, work: (site: Site) => Promise<T>): Promise<T> {
  const config = loadConfig(flags);
  // Whoever waits at a shell sees that it takes long, and can break it off.
  const database = await openDatabase({ ...config, database: { ...config.database, patience: 3_600 } });
  try {
    await requireMigrated(database);
    return await work(await siteOf(config, database));
  } finally {
    await database.close();
  }
}

/** ConfigError where there is no site yet: SQLite would otherwise make an empty one. */
export async function openDatabase(config: Config): Promise<Database> {
  const { dialect, filename } = config.database;
  if (dialect === 'sqlite' && !existsSync(filename!))
    throw new ConfigError(
      `There is no site in ${dirname(filename!)}. Run \`assetra init\`, or name its folder with --dir.`,
    );
  const { Database } = await import('../db/database.ts');
  return new Database(config.database);
}

/** ConfigError when the tables are older than the program, or newer. */
export async function requireMigrated(database: Database): Promise<void> {
  const { status } = await import('../db/migrate.ts');
  const { pending } = await status(database);
  if (pending.length > 0)
    throw new ConfigError(
      `The database is older than this program (${pending.length} migrations wait). Run \`assetra migrate\`.`,
    );
}

export async function siteOf(config: Config, database: Database, log?: Log): Promise<Site> {
  const { silentLog } = await import('../base/log.ts');
  const actor = { kind: 'system', id: null, label: 'cli', role: 'admin', superuser: true } as const;
  const vault = openVault(config.dir);
  const now = () => new Date();
  const { dir: folder } = config;
  const ctx: Context = { db: database, tenant: null, actor, now, log: log ?? silentLog, vault, folder };
  const inTenant = async (reference: string): Promise<TenantContext> => {
    const accounts = await import('../domain/accounts/service.ts');
    return { ...ctx, tenant: await accounts.findTenant(ctx, reference) };
  };
  return { config, database, ctx, inTenant };
}
