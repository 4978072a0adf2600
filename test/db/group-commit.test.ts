import { afterAll, beforeAll, expect, it } from 'vitest';
import { Conflict, Unavailable } from '../../src/base/errors.ts';
import { Database, type Db } from '../../src/db/database.ts';
import { Transaction } from '../../src/db/transaction.ts';
import { onEveryDatabase, type TestDatabase, temporaryDatabase } from '../support/databases.ts';
import { unique } from '../support/samples.ts';

const stamp = '2026-01-01T00:00:00.000Z';
const tenant = (name = unique('Tenant')) => ({
  name,
  slug: name.toLowerCase(),
  is_active: true,
  settings: '{}',
  created_at: stamp,
  updated_at: stamp,
});

onEveryDatabase('group commit', (dialect) => {
  let home: TestDatabase;
  let database: Database;
  let other: Database;
  beforeAll(async () => {
    home = await temporaryDatabase(dialect);
    database = home.database;
    other = new Database(home.config);
  });
  afterAll(async () => {
    await other.close();
    await home.drop();
  });

  const names = async () => (await other.query<{ name: string }>('SELECT name FROM tenants')).map(({ name }) => name);
  const recorder = () => {
    const flushes: string[][] = [];
    return { flushes, flush: async (_tx: Db, items: string[]) => void flushes.push([...items]) };
  };
  const outcomes = (works: Promise<unknown>[]) =>
    Promise.allSettled(works).then((all) => all.map((one) => (one.status === 'fulfilled' ? 'done' : one.reason)));

  it('puts works that come together into few transactions, and answers each after its commit', async () => {
    const { flushes, flush } = recorder();
    const write = async () => {
      const row = tenant();
      await database.shared(async (tx) => {
        tx.beforeCommit(flush, row.name);
        await tx.insert('tenants', row);
      });
      expect(await names()).toContain(row.name);
      return row.name;
    };
    const written = await Promise.all(Array.from({ length: 40 }, write));
    expect(flushes.flat().sort()).toEqual([...written].sort());
    expect(flushes.length).toBeLessThan(10);
  });

  it('lets a work that fails fail alone, with what it wrote and what it would have left', async () => {
    const { flushes, flush } = recorder();
    const taken = tenant();
    await database.insert('tenants', taken);
    const work = (name: string, fail?: () => Promise<unknown>) =>
      database.shared(async (tx) => {
        tx.beforeCommit(flush, name);
        await tx.insert('tenants', tenant(name));
        await fail?.();
      });
    const answers = await outcomes([
      work('first'),
      work('refused', () => Promise.reject(new Conflict('no'))),
      work('middle'),
      database.shared((tx) => tx.insert('tenants', taken)),
      work('broken', () => Promise.reject(new TypeError('a fault of our own'))),
      work('last'),
    ]);
    expect(answers.map((answer) => answer.code ?? answer.name ?? answer)).toEqual([
      'done',
      'conflict',
      'done',
      'unique',
      'TypeError',
      'done',
    ]);
    const there = await names();
    expect(['first', 'refused', 'middle', 'broken', 'last'].filter((name) => there.includes(name))).toEqual([
      'first',
      'middle',
      'last',
    ]);
    expect(flushes.flat().sort()).toEqual(['first', 'last', 'middle']);
  });

  it('undoes all of a group whose database is in trouble, and tells each of them', async () => {
    const trouble = new Unavailable('The disk is full.');
    const works = ['one', 'two', 'three'].map((name) =>
      database.shared(async (tx) => {
        await tx.insert('tenants', tenant(`trouble-${name}`));
        if (name === 'two') throw trouble;
      }),
    );
    expect(await outcomes(works)).toEqual([trouble, trouble, trouble]);
    expect((await names()).filter((name) => name.startsWith('trouble'))).toEqual([]);
  });

  it('undoes all of a group whose last write before the commit fails', async () => {
    const failing = async () => {
      throw new Conflict('the end failed');
    };
    const works = ['one', 'two'].map((name) =>
      database.shared(async (tx) => {
        tx.beforeCommit(failing, name);
        await tx.insert('tenants', tenant(`end-${name}`));
      }),
    );
    expect((await outcomes(works)).map(({ code }) => code)).toEqual(['conflict', 'conflict']);
    expect((await names()).filter((name) => name.startsWith('end-'))).toEqual([]);
  });

  it('undoes a part within a work, and the work goes on', async () => {
    const { flushes, flush } = recorder();
    const work = (name: string) =>
      database.shared(async (tx) => {
        await tx.insert('tenants', tenant(`${name}-kept`));
        const part = tx.savepoint(async () => {
          tx.beforeCommit(flush, `${name}-part`);
          await tx.insert('tenants', tenant(`${name}-undone`));
          throw new Conflict('part');
        });
        await expect(part).rejects.toThrow('part');
        tx.beforeCommit(flush, name);
        await tx.insert('tenants', tenant(`${name}-after`));
      });
    await Promise.all([work('nested-1'), work('nested-2'), work('nested-3')]);
    expect((await names()).filter((name) => name.startsWith('nested')).sort()).toEqual(
      ['1', '2', '3'].flatMap((n) => [`nested-${n}-after`, `nested-${n}-kept`]),
    );
    expect(flushes.flat().sort()).toEqual(['nested-1', 'nested-2', 'nested-3']);
  });

  it('does nothing twice when the database did not confirm a commit that it made', async () => {
    const { commit } = Transaction.prototype;
    let fail = true;
    Transaction.prototype.commit = async function () {
      await commit.call(this);
      if (fail) throw new Unavailable('The database did not confirm the change. Try again.');
    };
    try {
      const names = ['one', 'two'].map((name) => `unconfirmed-${name}-${unique('X')}`);
      const works = names.map((name) => database.shared((tx) => tx.insert('tenants', tenant(name))));
      expect((await outcomes(works)).map(({ status }) => status)).toEqual([503, 503]);
      fail = false;
    } finally {
      Transaction.prototype.commit = commit;
    }
    expect((await names()).filter((name) => name.startsWith('unconfirmed'))).toHaveLength(2);
  });

  it('tells whatever a COMMIT statement throws as 503', async () => {
    const send = async (sql: string) => {
      if (sql === 'COMMIT') throw Object.assign(new Error('connect ENOBUFS'), { code: 'ENOBUFS' });
      return { rows: [], changes: 0, insertId: 0 };
    };
    const tx = new Transaction(dialect, { forUpdate: '', oneWriter: true } as never, database.build, {}, send);
    await expect(tx.commit()).rejects.toMatchObject({
      status: 503,
      message: expect.stringContaining('did not confirm'),
    });
  });

  if (dialect !== 'sqlite')
    it('lets one work wait for a row that another transaction holds, and not its neighbours', async () => {
      const held = await database.insert('tenants', tenant());
      const sql = 'UPDATE tenants SET settings = ? WHERE id = ?';
      let release = () => {};
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      const holder = other.transaction(async (tx) => {
        await tx.execute(sql, ['{"by":"holder"}', held]);
        await released;
      });
      await new Promise((resolve) => setTimeout(resolve, 100));
      const waiting = database.shared((tx) => tx.execute(sql, ['{"by":"waiter"}', held]));
      const neighbours = Array.from({ length: 10 }, () => database.shared((tx) => tx.insert('tenants', tenant())));
      expect(await outcomes(neighbours)).toEqual(Array.from({ length: 10 }, () => 'done'));
      release();
      await holder;
      expect(await waiting).toBe(1);
    });

  if (dialect !== 'sqlite')
    it('gives each work its own tries when the group meets another transaction', async () => {
      const ids = [await database.insert('tenants', tenant()), await database.insert('tenants', tenant())];
      const sql = 'UPDATE tenants SET settings = ? WHERE id = ?';
      const cross = (handle: Database, order: number[], tag: string) =>
        order.map((id) =>
          handle.shared(async (tx) => {
            await tx.execute(sql, [`{"by":"${tag}"}`, id]);
            await new Promise((resolve) => setTimeout(resolve, 30));
          }),
        );
      const warm = [database, other].map((handle) => handle.shared((tx) => tx.query('SELECT 1 AS one')));
      await Promise.all(warm);
      const works = [...cross(database, ids, 'here'), ...cross(other, [...ids].reverse(), 'there')];
      expect(await outcomes(works)).toEqual(['done', 'done', 'done', 'done']);
    });
});
