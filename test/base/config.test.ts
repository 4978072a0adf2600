import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type ConfigFlags, explainConfig, loadConfig } from '../../src/base/config.ts';
import { ConfigError } from '../../src/base/errors.ts';

const root = mkdtempSync(join(tmpdir(), 'assetra-config-'));
let sites = 0;
afterAll(() => rmSync(root, { recursive: true }));

/** A site's folder whose assetra.env is `text`. */
function site(text?: string): string {
  sites += 1;
  const dir = join(root, `site-${sites}`);
  mkdirSync(dir);
  if (text !== undefined) writeFileSync(join(dir, 'assetra.env'), text);
  return dir;
}

const load = (environment: Record<string, string> = {}, flags: ConfigFlags = {}, file?: string) =>
  loadConfig({ dir: site(file), ...flags }, environment);

/** The faults by name; fails when there are none. */
function faults(environment: Record<string, string>, flags: ConfigFlags = {}, file?: string): Record<string, unknown> {
  try {
    load(environment, flags, file);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).fields!;
  }
  throw new Error('the configuration was accepted');
}

describe('the order of sources', () => {
  it('starts from defaults that serve this machine alone', () => {
    const config = load();
    expect(config.http).toMatchObject({ host: '127.0.0.1', port: 8000, corsOrigins: [], trustedProxies: [] });
    expect(config.auth).toEqual({ accessMinutes: 30, refreshDays: 7, jwtSecret: undefined });
    expect(config.log).toEqual({ level: 'info', format: 'auto' });
    expect(config.database).toEqual({
      dialect: 'sqlite',
      filename: join(config.dir, 'assetra.db'),
      poolSize: 10,
      patience: 10,
    });
  });

  it('lets a flag win over the environment, and that over the file', () => {
    const file = 'ASSETRA_PORT=1\nASSETRA_HOST=file.example\nJWT_ACCESS_MIN=5\n';
    const config = load({ ASSETRA_PORT: '2', ASSETRA_HOST: 'env.example' }, { port: 3 }, file);
    expect([config.http.port, config.http.host, config.auth.accessMinutes]).toEqual([3, 'env.example', 5]);
  });

  it('takes an empty variable as not set', () => {
    expect(load({ DATABASE_URL: '', ASSETRA_PORT: '' }, {}, 'ASSETRA_PORT=81').http.port).toBe(81);
  });

  it('finds the site by --dir, then ASSETRA_DIR, then ./assetra-data', () => {
    expect(loadConfig({ dir: '/a' }, { ASSETRA_DIR: '/b' }).dir).toBe('/a');
    expect(loadConfig({}, { ASSETRA_DIR: '/b' }).dir).toBe('/b');
    expect(loadConfig({}, {}).dir).toBe(resolve('assetra-data'));
  });

  it('needs no folder to exist', () => {
    expect(loadConfig({ dir: join(root, 'nowhere') }, {}).dir).toBe(join(root, 'nowhere'));
  });
});

describe('the database', () => {
  const database = (environment: Record<string, string>, file?: string) => load(environment, {}, file).database;

  it.each(['postgres', 'postgresql'])('is PostgreSQL by a %s URL', (scheme) => {
    expect(database({ DATABASE_URL: `${scheme}://ann:p%40ss@db.example:5433/plant` })).toEqual({
      dialect: 'postgres',
      host: 'db.example',
      port: 5433,
      user: 'ann',
      password: 'p@ss',
      name: 'plant',
      poolSize: 10,
      patience: 10,
    });
  });

  it.each(['mysql', 'mariadb'])('is MySQL or MariaDB by a %s URL, on its usual port', (scheme) => {
    expect(database({ DATABASE_URL: `${scheme}://root@127.0.0.1/plant` })).toMatchObject({
      dialect: 'mysql',
      port: 3306,
    });
  });

  it.each([
    ['postgresql', 'postgres', 5432],
    ['mysql', 'mysql', 3306],
    ['mariadb', 'mysql', 3306],
  ])('is named in parts by DB_ENGINE=%s too', (DB_ENGINE, dialect, port) => {
    expect(database({ DB_ENGINE, DB_NAME: 'plant', DB_USER: 'ann', DB_HOST: 'db.example' })).toMatchObject({
      dialect,
      port,
      name: 'plant',
      user: 'ann',
      host: 'db.example',
    });
  });

  it('is reached by a socket when the host is a path', () => {
    const parts = { DB_ENGINE: 'postgresql', DB_NAME: 'plant', DB_HOST: '/var/run/postgresql' };
    expect(database(parts).socketPath).toBe('/var/run/postgresql');
    expect(database({ DATABASE_URL: 'postgres:///plant?host=/var/run/postgresql' }).socketPath).toBe(
      '/var/run/postgresql',
    );
  });

  it("keeps a SQLite path relative to the site's folder, so that a copied site opens its own data", () => {
    const dir = site('DATABASE_URL=sqlite:data/plant.db\n');
    expect(loadConfig({ dir }, {}).database.filename).toBe(join(dir, 'data/plant.db'));
    expect(database({ DATABASE_URL: 'sqlite:/srv/plant.db' }).filename).toBe('/srv/plant.db');
    expect(database({ DATABASE_URL: 'sqlite:///srv/plant.db' }).filename).toBe('/srv/plant.db');
  });

  it('takes the password from DB_PASSWORD when the URL has none', () => {
    expect(database({ DB_PASSWORD: 'pw' }, 'DATABASE_URL=postgres://ann@db/plant').password).toBe('pw');
  });

  it('is the one of the higher source when both ways are used', () => {
    const parts = 'DB_ENGINE=mysql\nDB_NAME=plant\n';
    expect(database({ DATABASE_URL: 'sqlite:a.db' }, parts).dialect).toBe('sqlite');
    const url = 'DATABASE_URL=sqlite:a.db\n';
    expect(database({ DB_ENGINE: 'mysql', DB_NAME: 'plant' }, url).dialect).toBe('mysql');
  });

  it.each([
    ['oracle://x/y', 'must begin with'],
    ['postgres://ann:p#ss@db/plant', 'as %23'],
    ['postgres://ann@db/', 'names no database'],
    ['postgres://ann@db/plant?sslmode=require', 'sslmode'],
    ['mysql://ann:50%@db/plant', 'write % as %25'],
    ['sqlite::memory:', 'must name a file'],
    ['sqlite:', 'names no file'],
  ])('refuses the URL %s', (DATABASE_URL, message) => {
    expect(String(faults({ DATABASE_URL }).DATABASE_URL)).toContain(message);
  });

  it('does not fall back to SQLite when a server is half described', () => {
    expect(String(faults({ DB_HOST: 'db.example' }).DB_ENGINE)).toContain('DB_HOST is set');
  });
});

describe('faults', () => {
  it('are all told at once, by the name that the reader set', () => {
    const environment = { ASSETRA_LOG_LEVEL: 'loud', DATABASE_URL: 'oracle://x', JWT_REFRESH_DAYS: '0' };
    expect(Object.keys(faults(environment, { port: 'http' }, 'ASSETRA_PROT=1')).sort()).toEqual([
      '--port',
      'ASSETRA_LOG_LEVEL',
      'ASSETRA_PROT',
      'DATABASE_URL',
      'JWT_REFRESH_DAYS',
    ]);
  });

  it.each([
    ['ASSETRA_PORT', '65536', 'must be a whole number from 0 to 65535, not "65536"'],
    ['ASSETRA_PORT', '80a', 'must be a whole number'],
    ['ASSETRA_DB_POOL', '0', 'from 1 to 200'],
    ['ASSETRA_LOG_FORMAT', 'xml', 'one of auto, json, pretty'],
    ['ASSETRA_CORS_ORIGINS', 'https://a.example/path', 'origins such as'],
    ['ASSETRA_PUBLIC_URLS', 'https://a.example,ftp://b', 'http(s) addresses'],
    ['ASSETRA_TRUSTED_PROXIES', '10.0.0.0/33', 'CIDR'],
    ['ASSETRA_JWT_SECRET', 'short', 'at least 32'],
    ['DB_ENGINE', 'oracle', 'postgresql, mysql, mariadb, sqlite'],
    ['SENTRY_DSN', 'sentry', 'URL'],
    ['SENTRY_TRACES_SAMPLE_RATE', '2', 'from 0 to 1'],
  ])('%s=%s is refused', (name, value, message) => {
    expect(String(faults({ [name]: value })[name])).toContain(message);
  });

  it('do not repeat a secret', () => {
    expect(JSON.stringify(faults({ ASSETRA_JWT_SECRET: 'hunter2', SENTRY_DSN: 'hunter2' }))).not.toContain('hunter2');
  });

  it('guess at a slip in the file, and let the names of other programs stand', () => {
    const found = faults({}, {}, 'ASSETRA_PROT=1\nDATABSE_URL=sqlite:a\nNODE_OPTIONS=--x\nASSETRA_WHATEVER=1\n');
    expect(found).toEqual({
      ASSETRA_PROT: ['is no setting; did you mean ASSETRA_PORT?'],
      DATABSE_URL: ['is no setting; did you mean DATABASE_URL?'],
      ASSETRA_WHATEVER: ['is no setting'],
    });
  });

  it('include a line without a value, and the folder named from within itself', () => {
    expect(Object.keys(faults({}, {}, 'ASSETRA_PORT 80\nASSETRA_DIR=/x\n'))).toEqual(['ASSETRA_PORT', 'ASSETRA_DIR']);
  });

  it('say which file cannot be read', () => {
    const dir = site();
    mkdirSync(join(dir, 'assetra.env'));
    expect(() => loadConfig({ dir }, {})).toThrow(/assetra\.env cannot be read/);
  });
});

describe('lists', () => {
  it('are read with blanks and empty items', () => {
    const config = load({
      ASSETRA_PUBLIC_URLS: 'https://a.example/, http://10.0.0.5:8000/assets/,',
      ASSETRA_CORS_ORIGINS: 'https://console.example,http://localhost:3000',
      ASSETRA_TRUSTED_PROXIES: '10.0.0.0/8, ::1',
    });
    expect(config.http).toMatchObject({
      publicUrls: ['https://a.example', 'http://10.0.0.5:8000/assets'],
      corsOrigins: ['https://console.example', 'http://localhost:3000'],
      trustedProxies: ['10.0.0.0/8', '::1'],
    });
  });
});

describe('the explanation', () => {
  const explain = (environment: Record<string, string>, flags: ConfigFlags = {}, file?: string) =>
    new Map(explainConfig({ dir: site(file), ...flags }, environment).map((setting) => [setting.name, setting]));

  it('says where each value comes from', () => {
    const settings = explain({ ASSETRA_HOST: '0.0.0.0' }, { port: 81 }, 'JWT_ACCESS_MIN=5');
    const sources = ['ASSETRA_DIR', 'ASSETRA_PORT', 'ASSETRA_HOST', 'JWT_ACCESS_MIN', 'JWT_REFRESH_DAYS'];
    expect(sources.map((name) => settings.get(name)?.source)).toEqual([
      'flag',
      'flag',
      'environment',
      'file',
      'default',
    ]);
    expect(settings.get('JWT_REFRESH_DAYS')?.value).toBe('7');
  });

  it('hides secrets, and of a database URL the password alone', () => {
    const settings = explain({
      ASSETRA_JWT_SECRET: 'hunter2'.repeat(6),
      DB_PASSWORD: 'sqlite:hunter2',
      DATABASE_URL: 'postgres://ann:hun:t@er2@db.example/plant',
      SENTRY_DSN: 'https://hunter2@sentry.example/1',
    });
    expect(settings.get('DATABASE_URL')?.value).toBe('postgres://ann:********@db.example/plant');
    expect(JSON.stringify([...settings.values()])).not.toContain('hunter2');
  });

  it('hides what stands in the options of a database URL, but not the folder of a socket', () => {
    const shown = (url: string) => explain({ DATABASE_URL: url }).get('DATABASE_URL')?.value;
    expect(shown('postgres://u@db/x?password=hunter2&sslcert=a')).toBe(
      'postgres://u@db/x?password=********&sslcert=********',
    );
    expect(shown('postgres://db/x?password=hunter2')).toBe('postgres://db/x?password=********');
    expect(shown('postgres:///x?host=/run/postgresql')).toBe('postgres:///x?host=/run/postgresql');
  });

  it('shows what is wrong too', () => {
    expect(explain({ ASSETRA_PORT: 'http' }).get('ASSETRA_PORT')?.value).toBe('http');
  });
});

describe('a line of the file that is no setting', () => {
  it('is told by its number, and swallows no other', () => {
    const told = faults(
      {},
      {},
      'Port of the plant\nASSETRA_PORT=9123\n\n# remark\nDATABASE_URL\nASSETRA_HOST=127.0.0.9\n',
    );
    expect(Object.keys(told).sort()).toEqual(['DATABASE_URL', 'line 1']);
  });

  it('may be the rest of a quoted value', () => {
    expect(load({}, {}, 'OTHER="one\ntwo"\nASSETRA_PORT=9123\n').http.port).toBe(9123);
  });
});
