import { afterAll, beforeAll, expect, it } from 'vitest';
import { sync as pushAndPull } from '../../../src/domain/sync/service.ts';
import { type TestApp, testApp } from '../../support/app.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { change, newAsset, pullAll, read, scan, send, sync } from './client.ts';

onEveryDatabase('what sync pulls', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
    for (let index = 0; index < 12; index += 1) await newAsset(app);
  }, 60_000);
  afterAll(() => app.close());

  const everyAsset = async () => {
    const { body } = await app.call('GET', 'assets/?page_size=500&ordering=id');
    return body.results;
  };
  const idsOf = (rows: { id: number }[]) => rows.map(({ id }) => id);
  const decoded = (cursor: string) => JSON.parse(Buffer.from(cursor, 'base64url').toString());
  const encoded = (cursor: object) => Buffer.from(JSON.stringify(cursor)).toString('base64url');

  it('begins with every asset, as GET assets answers it, page by page', async () => {
    const { rows, pages } = await pullAll(app, { limit: 5 });
    expect([...rows.values()].sort((one, two) => one.id - two.id)).toEqual(await everyAsset());
    expect(pages.slice(0, 2)).toEqual([5, 5]);
    const other = await pullAll(app, { tenant: app.other });
    expect(other.rows.size).toBe(0);
  });

  it('is of every role', async () => {
    for (const role of ['admin', 'operator', 'auditor', 'read_only'] as const)
      expect((await sync(app, { role })).asset_changes.length).toBeGreaterThan(0);
  });

  it('misses nothing that is changed while the snapshot is read', async () => {
    const first = await sync(app, { cursor: '', limit: 3 });
    const [changed] = first.asset_changes;
    await change(app, changed.id, { name: 'changed behind the page' });
    const gone = first.asset_changes[1].id;
    await app.call('DELETE', `assets/${gone}/`);
    const added = await newAsset(app);
    const { rows, deleted } = await pullAll(app, { cursor: first.next_cursor, limit: 3 });
    expect(rows.get(changed.id)).toMatchObject({ name: 'changed behind the page' });
    expect([rows.has(added.id), deleted.has(gone)]).toEqual([true, true]);
  });

  it('then follows the log: each asset once a page, as it is now, and tombstones', async () => {
    const { cursor } = await pullAll(app);
    const [one, two, three] = await everyAsset();
    await change(app, one.id, { name: 'first' });
    await change(app, two.id, { name: 'between' });
    await sync(app, { scan_events: [scan(), scan()] });
    await change(app, one.id, { name: 'second' });
    await app.call('DELETE', `assets/${three.id}/`);
    const page = await sync(app, { cursor });
    expect([page.asset_changes.map(({ name }: { name: string }) => name), page.deleted_asset_ids]).toEqual([
      ['second', 'between'],
      [three.id],
    ]);
    expect(page.asset_changes[0]).toEqual(await read(app, one.id));
    const again = await sync(app, { cursor: page.next_cursor });
    expect([again.asset_changes, again.deleted_asset_ids, again.has_more]).toEqual([[], [], false]);
    expect(await sync(app, { cursor })).toMatchObject({
      asset_changes: page.asset_changes,
      next_cursor: page.next_cursor,
    });
    const small = await pullAll(app, { cursor, limit: 1 });
    expect(small.pages.every((size) => size <= 1)).toBe(true);
    expect([[...small.rows.keys()].sort(), [...small.deleted]]).toEqual([[one.id, two.id].sort(), [three.id]]);
  });

  it('begins anew, and says so, for a cursor of another epoch, ahead of the head or below the floor', async () => {
    const { cursor } = await pullAll(app);
    const { epoch, seq } = decoded(cursor);
    await app.database.execute('UPDATE change_heads SET floor = 2 WHERE tenant_id = ?', [app.plant.id]);
    const lost = [
      { epoch: 'another', seq },
      { epoch, seq: seq + 1_000 },
      { epoch, seq: 1 },
      { epoch, seq: 1, after: 3 },
      { epoch: '', seq: 0 },
    ];
    for (const position of lost) {
      const answer = await sync(app, { cursor: encoded(position), limit: 500 });
      expect([position, answer.reset_required, idsOf(answer.asset_changes)]).toEqual([
        position,
        true,
        idsOf(await everyAsset()),
      ]);
    }
    const stale = await sync(app, { cursor: encoded({ epoch: 'another', seq }), limit: 2 });
    expect((await sync(app, { cursor: stale.next_cursor, limit: 2 })).reset_required).toBe(false);
    expect((await sync(app, { cursor: encoded({ epoch, seq: 2 }) })).reset_required).toBe(false);
    await app.database.execute('UPDATE change_heads SET floor = 0 WHERE tenant_id = ?', [app.plant.id]);
  });

  it('begins anew for a cursor whose changes are pruned while they are read', async () => {
    const { cursor } = await pullAll(app);
    await change(app, (await everyAsset())[0].id, { name: 'pruned' });
    const head = decoded((await sync(app)).next_cursor).seq;
    const ctx = app.as('read_only');
    const setFloor = (floor: number) =>
      app.database.execute('UPDATE change_heads SET floor = ? WHERE tenant_id = ?', [floor, app.plant.id]);
    const db = new Proxy(app.database, {
      get(target, name) {
        const value = Reflect.get(target, name, target);
        if (name !== 'query') return typeof value === 'function' ? value.bind(target) : value;
        return async (sql: string, params: never[]) => {
          if (!sql.startsWith('SELECT seq, entity_id')) return target.query(sql, params);
          await setFloor(head);
          return [];
        };
      },
    });
    const answer = await pushAndPull({ ...ctx, db }, { cursor });
    await setFloor(0);
    expect([answer.reset_required, idsOf(answer.asset_changes)]).toEqual([true, idsOf(await everyAsset())]);
  });

  it('refuses a broken or forged cursor', async () => {
    const { cursor } = await pullAll(app);
    const position = decoded(cursor);
    const forged = [
      'x',
      '!!!',
      `${cursor}A`,
      cursor.slice(0, -3),
      encoded([]),
      encoded({ ...position, seq: -1 }),
      encoded({ ...position, seq: '1' }),
      encoded({ ...position, more: 1 }),
      encoded({ seq: 1 }),
      Buffer.from(`${JSON.stringify(position)} `).toString('base64url'),
    ];
    for (const broken of forged) {
      const answer = await send(app, { cursor: broken });
      expect([broken, answer.status, Object.keys(answer.body)]).toEqual([broken, 400, ['cursor']]);
    }
  });

  it("answers another tenant's cursor with a snapshot of the caller's own", async () => {
    const { cursor } = await pullAll(app);
    await app.call('POST', 'assets/', { tenant: app.other, body: { asset_tag: 'O', name: 'O' } });
    const answer = await sync(app, { tenant: app.other, cursor });
    expect([answer.reset_required, idsOf(answer.asset_changes).length]).toEqual([true, 1]);
  });

  /** An app of the earlier service: it knows last_sync_at and server_time, and comes until nothing new comes. */
  async function byTime(since: string | undefined, limit: number, most = 40) {
    const seen = new Map<number, string>();
    const deleted = new Set<number>();
    let last_sync_at = since;
    for (let call = 0; call < most; call += 1) {
      const answer = await sync(app, { last_sync_at: last_sync_at ?? null, limit });
      for (const row of answer.asset_changes) seen.set(row.id, row.updated_at);
      for (const id of answer.deleted_asset_ids) deleted.add(id);
      last_sync_at = answer.server_time;
      if (!answer.has_more) return { seen, deleted, last_sync_at: last_sync_at!, calls: call + 1 };
    }
    throw new Error('The app goes in circles.');
  }

  it('reaches an old app that goes by server_time, whatever the page size, without circles', async () => {
    const rows = await everyAsset();
    for (const limit of [1, 3, 500]) {
      const { seen, calls } = await byTime(undefined, limit);
      expect([...seen.keys()].sort((one, two) => one - two)).toEqual(idsOf(rows));
      expect(calls).toBeLessThanOrEqual(rows.length + 2);
    }
  });

  it('extends the page of an old app to the rows of the same millisecond', async () => {
    const rows = await everyAsset();
    const at = '2026-05-01T00:00:00.000Z';
    const marks = rows.slice(0, 6);
    for (const { id } of marks) await app.database.execute('UPDATE assets SET updated_at = ? WHERE id = ?', [at, id]);
    const answer = await sync(app, { last_sync_at: '2026-04-01T00:00:00Z', limit: 2 });
    expect(idsOf(answer.asset_changes)).toEqual(idsOf(marks));
    const next = await sync(app, { last_sync_at: answer.server_time, limit: 500 });
    expect(idsOf(next.asset_changes).filter((id) => idsOf(marks).includes(id))).toEqual([]);
  });

  it('takes an old app back by five minutes, and tells it what was deleted', async () => {
    const { last_sync_at } = await byTime(undefined, 500);
    const late = await newAsset(app);
    const written = new Date(Date.parse(last_sync_at) - 4 * 60_000).toISOString();
    // As a transaction that began before the last sync and ended after it leaves it.
    await app.database.execute('UPDATE assets SET updated_at = ? WHERE id = ?', [written, late.id]);
    const gone = await newAsset(app);
    await app.call('DELETE', `assets/${gone.id}/`);
    const answer = await sync(app, { last_sync_at });
    expect(idsOf(answer.asset_changes)).toContain(late.id);
    expect(answer.deleted_asset_ids).toContain(gone.id);
    const followed = await pullAll(app, { cursor: answer.next_cursor });
    expect(followed.rows.size).toBe(0);
  });

  it('answers an old app whose time this server cannot have given with everything, once', async () => {
    const rows = await everyAsset();
    const gone = await newAsset(app);
    await app.call('DELETE', `assets/${gone.id}/`);
    const days = new Date(Date.now() + 2 * 86_400_000).toISOString();
    for (const limit of [3, 500]) {
      const { seen, deleted } = await byTime(days, limit);
      expect([...seen.keys()].sort((one, two) => one - two)).toEqual(idsOf(rows));
      expect(deleted).toContain(gone.id);
    }
    // Rows of a time when the server's own clock was ahead: pages end behind them all the same.
    const ahead = rows.slice(0, 3) as { id: number }[];
    for (const [index, { id }] of ahead.entries())
      await app.database.execute('UPDATE assets SET updated_at = ? WHERE id = ?', [
        new Date(Date.now() + 86_400_000 + index).toISOString(),
        id,
      ]);
    const { seen } = await byTime('2026-01-01T00:00:00Z', 1);
    expect([...seen.keys()].sort((one, two) => one - two)).toEqual(idsOf(rows));
    for (const { id } of ahead) await change(app, id, { name: 'later' });
  });

  it('gives a cut page of an old app a cursor that misses nothing', async () => {
    const answer = await sync(app, { last_sync_at: '2026-01-01T00:00:00Z', limit: 2 });
    expect(answer.has_more).toBe(true);
    const { rows } = await pullAll(app, { cursor: answer.next_cursor, limit: 4 });
    expect([...rows.keys()].sort((one, two) => one - two)).toEqual(idsOf(await everyAsset()));
  });
});
