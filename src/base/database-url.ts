/** From DATABASE_URL, or DB_ENGINE and its companions, to one description of the database. */
import { resolve } from 'node:path';
import { ConfigError } from './errors.ts';
import type { SettingName } from './settings.ts';

export interface DatabaseConfig {
  dialect: 'sqlite' | 'postgres' | 'mysql';
  /** SQLite's file, absolute. */
  filename?: string;
  host?: string;
  port?: number;
  user?: string;
  password?: string;
  name?: string;
  /** PostgreSQL: the folder of the socket; MySQL and MariaDB: the socket itself. */
  socketPath?: string;
  /** Most connections of one process. */
  poolSize: number;
  /** Longest that one statement may go without an answer, in s; 10 unless said. */
  patience?: number;
}

/** The settings as text, and how far each one's source outranks the default (0). */
export interface DatabaseSettings {
  text(name: SettingName): string | undefined;
  rank(name: SettingName): number;
}

interface Parts {
  dialect: DatabaseConfig['dialect'];
  name?: string | undefined;
  host?: string | undefined;
  port?: string | undefined;
  user?: string | undefined;
  password?: string | undefined;
}

const dialects: Record<string, DatabaseConfig['dialect']> = {
  postgres: 'postgres',
  postgresql: 'postgres',
  mysql: 'mysql',
  mariadb: 'mysql',
  sqlite: 'sqlite',
};
const companions = ['DB_NAME', 'DB_USER', 'DB_PASSWORD', 'DB_HOST', 'DB_PORT'] as const;

/**
 * The one of DATABASE_URL and DB_ENGINE from the higher source decides, the URL in a tie; DB_* fill in what the URL leaves out.
 * SQLite paths are relative to `dir`. Throws ConfigError with the field that is wrong.
 */
export function readDatabase(
  settings: DatabaseSettings,
  dir: string,
  limits: Pick<DatabaseConfig, 'poolSize' | 'patience'>,
): DatabaseConfig {
  const url = settings.text('DATABASE_URL');
  const byUrl = url !== undefined && settings.rank('DATABASE_URL') >= settings.rank('DB_ENGINE');
  const parts = byUrl ? partsOfUrl(url) : partsOfEngine(settings);
  if (parts.dialect === 'sqlite') {
    return { dialect: 'sqlite', filename: resolve(dir, sqlitePath(parts, settings, byUrl)), ...limits };
  }
  const name = parts.name ?? settings.text('DB_NAME');
  if (!name) throw fault(byUrl ? 'DATABASE_URL' : 'DB_NAME', 'names no database');
  return { ...serverOf(parts, settings), name, ...limits };
}

function serverOf(parts: Parts, settings: DatabaseSettings): Omit<DatabaseConfig, 'poolSize' | 'patience'> {
  const host = parts.host ?? settings.text('DB_HOST') ?? '127.0.0.1';
  const user = parts.user ?? settings.text('DB_USER');
  const password = parts.password ?? settings.text('DB_PASSWORD');
  const port = Number(parts.port ?? settings.text('DB_PORT') ?? (parts.dialect === 'postgres' ? 5432 : 3306));
  return {
    dialect: parts.dialect,
    ...(host.startsWith('/') ? { socketPath: host, port } : { host, port }),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
  };
}

function partsOfUrl(text: string): Parts {
  const [, scheme = '', rest = ''] = /^([a-z]+):(.*)$/is.exec(text.trim()) ?? [];
  const dialect = dialects[scheme.toLowerCase()];
  if (!dialect) throw fault('DATABASE_URL', 'must begin with postgres://, mysql://, mariadb:// or sqlite:');
  if (dialect === 'sqlite') return { dialect, name: rest.replace(/^\/\//, '') };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || url.hash) {
    const hint = 'write # / ? @ in a password as %23 %2F %3F %40';
    throw fault('DATABASE_URL', `must be like ${scheme}://user:password@host:port/name; ${hint}`);
  }
  return { dialect, ...partsOfServerUrl(url) };
}

function partsOfServerUrl(url: URL): Omit<Parts, 'dialect'> {
  const unknown = [...url.searchParams.keys()].find((key) => key !== 'host');
  if (unknown) throw fault('DATABASE_URL', `has the option "${unknown}", which is not supported; only host= is`);
  return {
    host: decode(url.hostname.replace(/^\[|\]$/g, '')) ?? url.searchParams.get('host') ?? undefined,
    port: url.port || undefined,
    user: decode(url.username),
    password: decode(url.password),
    name: decode(url.pathname.slice(1)),
  };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text) || undefined;
  } catch {
    throw fault('DATABASE_URL', 'has a % that begins no escape; write % as %25');
  }
}

function partsOfEngine(settings: DatabaseSettings): Parts {
  const engine = settings.text('DB_ENGINE');
  const orphan = companions.find((name) => settings.text(name) !== undefined);
  if (engine === undefined && orphan) {
    throw fault('DB_ENGINE', `is missing, and ${orphan} is set: say postgresql, mysql, mariadb or sqlite`);
  }
  return { dialect: dialects[engine?.trim().toLowerCase() ?? 'sqlite'] ?? 'sqlite' };
}

function sqlitePath(parts: Parts, settings: DatabaseSettings, byUrl: boolean): string {
  const path = byUrl ? parts.name : (settings.text('DB_NAME') ?? 'assetra.db');
  const field = byUrl ? 'DATABASE_URL' : 'DB_NAME';
  if (!path) throw fault(field, 'names no file; write sqlite:assetra.db');
  if (path.startsWith(':memory:')) throw fault(field, 'must name a file: a database in memory is lost at every stop');
  return path;
}

const fault = (name: SettingName, message: string): ConfigError =>
  new ConfigError(`${name} ${message}.`, { fields: { [name]: [message] } });
