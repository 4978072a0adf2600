import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConfigFlags, loadConfig } from '../base/config.ts';
import { settingLine } from '../base/env-file.ts';
import { AppError, ConfigError } from '../base/errors.ts';
import type { GlobalFlags, Run } from './command.ts';
import { ask, interactive, readPassword } from './prompts.ts';
import { siteOf } from './site.ts';

interface Flags extends GlobalFlags, ConfigFlags {
  tenant?: string;
  slug?: string;
  admin?: string;
  passwordStdin?: boolean;
  yes?: boolean;
}

export interface Founding {
  tenant: string;
  slug?: string | undefined;
  admin: string;
  password: string;
}

export interface Founded {
  tenant_id: number;
  user_id: number;
  dir: string;
}

export const run: Run<Flags> = async ({ flags, out }) => {
  const { dir } = loadConfig(flags);
  refuseExisting(dir);
  const asked = await answers(flags);
  const founded = await found(asked.flags, asked.founding);
  const address = loadConfig({ dir }).http;
  out.result(founded, () =>
    [
      `The site is set up in ${dir}.`,
      `Start it:  assetra serve --dir ${dir}`,
      `Log in:    ${asked.founding.admin}, with X-Tenant-ID: ${founded.tenant_id}, at http://${address.host}:${address.port}/api/v1/auth/token/`,
    ].join('\n'),
  );
  return undefined;
};

/** Writes the settings, makes keys and database, then tenant and admin. Nothing of it is left when a step fails early. */
export async function found(flags: GlobalFlags & ConfigFlags, founding: Founding): Promise<Founded> {
  const config = loadConfig(flags);
  const { Database } = await import('../db/database.ts');
  const { up } = await import('../db/migrate.ts');
  const accounts = await import('../domain/accounts/service.ts');
  accounts.checkPassword(founding.password, founding.admin);
  makeFolders(config.dir);
  const database = new Database(config.database);
  try {
    await up(database);
    const { ctx } = await siteOf(config, database);
    const ids = await ctx.db.transaction(async (db) => {
      const tenant = await accounts.addTenant({ ...ctx, db }, { name: founding.tenant, slug: founding.slug });
      const { admin: username, password } = founding;
      const user = await accounts.addUser(
        { ...ctx, db, tenant },
        { username, password, role: 'admin', superuser: true },
      );
      return { tenant_id: tenant.id, user_id: user.id };
    });
    await accounts.accessSettings(config);
    writeSettings(config.dir, flags);
    return { ...ids, dir: config.dir };
  } finally {
    await database.close();
  }
}

function refuseExisting(dir: string): void {
  if (existsSync(join(dir, 'assetra.env')))
    throw new ConfigError(`${dir} holds a site already. Run \`assetra serve\`, or name another folder with --dir.`);
}

/** The folder of a site and what is always in it. */
export function makeFolders(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o750 });
    for (const name of ['keys', 'spool', 'files']) mkdirSync(join(dir, name), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new AppError('folder', 500, `The folder ${dir} cannot be made or written. Check its permissions.`, {
      cause: error,
    });
  }
}

/** Only what was given: what is left out follows the defaults of the version that runs. */
function writeSettings(dir: string, flags: ConfigFlags): void {
  const given: [string, string | number | undefined][] = [
    ['DATABASE_URL', flags.database],
    ['ASSETRA_HOST', flags.host],
    ['ASSETRA_PORT', flags.port],
    ['ASSETRA_PUBLIC_URLS', flags.publicUrls],
  ];
  const lines = given
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => settingLine(name, String(value)));
  const head = ['# Settings of this Assetra site. `assetra config show` lists every one there is.'];
  const path = join(dir, 'assetra.env');
  writeFileSync(path, `${[...head, ...lines].join('\n')}\n`, { mode: 0o600 });
  chmodSync(path, 0o600);
}

async function answers(flags: Flags): Promise<{ flags: GlobalFlags & ConfigFlags; founding: Founding }> {
  const asking = interactive() && !flags.yes;
  if (!asking && !flags.passwordStdin)
    throw new ConfigError('Give the admin a password: write it to standard input and add --password-stdin.');
  const tenant =
    flags.tenant ??
    (asking
      ? await ask({ message: 'Name of the first tenant', flag: '--tenant', fallback: 'Main site' })
      : 'Main site');
  const database = flags.database ?? (asking ? await askDatabase() : undefined);
  const admin =
    flags.admin ??
    (asking ? await ask({ message: 'User name of the admin', flag: '--admin', fallback: 'admin' }) : 'admin');
  const password = await readPassword({ passwordStdin: flags.passwordStdin, label: `Password of ${admin}` });
  return { flags: { ...flags, database }, founding: { tenant, slug: flags.slug, admin, password } };
}

async function askDatabase(): Promise<string | undefined> {
  const fallback = 'sqlite:assetra.db';
  const url = await ask({ message: 'Database', flag: '--database', fallback });
  return url === fallback ? undefined : url;
}
