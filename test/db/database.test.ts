import { existsSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Unavailable } from '../../src/base/errors.ts';
import { Database } from '../../src/db/database.ts';
import { UniqueViolation } from '../../src/db/errors.ts';
import { down, status, up } from '../../src/db/migrate.ts';
import { onEveryDatabase, type TestDatabase, temporaryDatabase } from '../support/databases.ts';

const stamps = { created_at: '2026-01-01T00:00:00.000Z', updated_at: '2026-01-01T00:00:00.000Z' };
const tenant = (slug: string) => ({ name: `Tenant ${slug}`, slug, is_active: true, settings: '{}', ...stamps });

onEveryDatabase('the database', (dialect) => {
  let site: TestDatabase;
  beforeAll(async () => {
    site = await temporaryDatabase(dialect);
  });
  afterAll(() => site.drop());
  const db = () => site.database;
  const slugs = async () =>
    (await db().query<{ slug: string }>('SELECT slug FROM tenants ORDER BY id')).map((row) => row.slug);

  it('answers the id of an inserted row as a number', async () => {
    const id = await db().insert('tenants', tenant('one'));
    expect(await db().query('SELECT id FROM tenants WHERE slug = ?', ['one'])).toEqual([{ id }]);
    expect(typeof id).toBe('number');
  });

  it('rolls back everything when the work throws', async () => {
    const before = await slugs();
    const failing = db().transaction(async (tx) => {
      await tx.insert('tenants', tenant('lost'));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await slugs()).toEqual(before);
  });

  it('undoes a savepoint and keeps the rest of its transaction', async () => {
    await db().transaction(async (tx) => {
      await tx.insert('tenants', tenant('kept'));
      const part = tx.savepoint(() => tx.insert('tenants', tenant('kept')));
      await expect(part).rejects.toBeInstanceOf(UniqueViolation);
      await tx.insert('tenants', tenant('after'));
    });
    expect(await slugs()).toEqual(expect.arrayContaining(['kept', 'after']));
  });

  it('names a unique clash, and tells capitals apart', async () => {
    await db().insert('tenants', tenant('Tag'));
    await expect(db().insert('tenants', tenant('Tag'))).rejects.toBeInstanceOf(UniqueViolation);
    await db().insert('tenants', { ...tenant('tag'), name: 'lower' });
  });

  it('lets sixteen writers count to a sum without losing one', async () => {
    await db().execute('UPDATE auth_version SET version = 0 WHERE id = 1');
    const raise = () =>
      db().transaction(async (tx) => {
        const [row] = await tx.query<{ version: number }>(
          `SELECT version FROM auth_version WHERE id = 1${tx.forUpdate}`,
        );
        await tx.execute('UPDATE auth_version SET version = ? WHERE id = 1', [row!.version + 1]);
      });
    await Promise.all(Array.from({ length: 64 }, raise));
    expect(await db().query('SELECT version FROM auth_version WHERE id = 1')).toEqual([{ version: 64 }]);
  });

  it('inserts thousands of rows in one call', async () => {
    const rows = Array.from({ length: 12_000 }, (_, index) => ({
      url: `http://host/${index}`,
      created_at: stamps.created_at,
    }));
    await db().insertMany('site_urls', rows);
    expect(await db().query('SELECT COUNT(*) AS count FROM site_urls')).toEqual([{ count: 12_000 }]);
  });

  it('keeps every kind of text as it is', async () => {
    const name = 'Ωμέγα العربية 中文 😀 \u001d\'"\\%_';
    const id = await db().insert('tenants', { ...tenant('texts'), name });
    expect(await db().query('SELECT name FROM tenants WHERE id = ?', [id])).toEqual([{ name }]);
  });

  it('migrates down to nothing and up again', async () => {
    const all = await status(db());
    expect(all.pending).toEqual([]);
    for (const name of [...all.done].reverse()) expect(await down(db())).toEqual([name]);
    expect((await status(db())).pending).toEqual(all.done);
    expect(await up(db())).toEqual(all.done);
  }, 120_000);
});

describe('a database that cannot serve', () => {
  it('says that a server is away', async () => {
    const away = new Database({ dialect: 'postgres', host: '127.0.0.1', port: 1, user: 'x', name: 'x', poolSize: 1 });
    const error = await away.query('SELECT 1').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Unavailable);
    expect((error as Error).message).toContain('cannot be reached');
    await away.close();
  });

  it('says that another program holds the lock, and serves again after', async () => {
    const { config, database, drop } = await temporaryDatabase('sqlite');
    const rival = new Database(config);
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let holds = () => {};
    const begun = new Promise<void>((resolve) => {
      holds = resolve;
    });
    const holding = rival.transaction(() => {
      holds();
      return held;
    });
    await begun;
    await expect(database.insert('tenants', tenant('one'))).rejects.toThrow('locked by another program');
    release();
    await holding;
    await database.insert('tenants', tenant('one'));
    await rival.close();
    await drop();
  });

  it('says that a file is no database', async () => {
    const { config, database, drop } = await temporaryDatabase('sqlite');
    await database.close();
    writeFileSync(config.filename!, 'this is not a database, but long enough to look at '.repeat(20));
    const broken = new Database(config);
    await expect(broken.insert('tenants', tenant('one'))).rejects.toThrow('not an SQLite database');
    await broken.close();
    await drop();
  });
});

it('an SQLite file that was closed holds everything by itself', async () => {
  const { config, database, drop } = await temporaryDatabase('sqlite');
  await database.insert('tenants', tenant('kept'));
  expect(await database.query('SELECT slug FROM tenants')).toEqual([{ slug: 'kept' }]);
  expect(existsSync(`${config.filename}-wal`)).toBe(true);
  await database.close();
  expect([existsSync(config.filename!), existsSync(`${config.filename}-wal`)]).toEqual([true, false]);
  await drop();
});
