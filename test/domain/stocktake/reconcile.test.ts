import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import * as stocktake from '../../../src/domain/stocktake/service.ts';
import { type TestApp, testApp } from '../../support/app.ts';
import { onEveryDatabase } from '../../support/databases.ts';

onEveryDatabase('a reconciliation', (dialect) => {
  let app: TestApp;
  let hall: number;
  let store: number;
  let asset: Record<string, number>;
  let session: number;
  const add = async (path: string, body: object) => (await app.call('POST', path, { body })).body.id as number;
  beforeAll(async () => {
    app = await testApp(dialect);
    store = await add('locations/', { name: 'Store', code: 'STORE' });
  }, 60_000);
  afterAll(() => app.close());

  /** HERE is found, GONE and HELD are missing, MOVER and LOST are seen though they belong elsewhere. */
  beforeEach(async () => {
    const suffix = randomUUID().slice(0, 8);
    hall = await add('locations/', { name: 'Hall', code: `HALL-${suffix}` });
    asset = {};
    for (const [tag, current_location, status] of [
      ['HERE', hall, 'active'],
      ['GONE', hall, 'active'],
      ['HELD', hall, 'active'],
      ['MOVER', store, 'active'],
      ['LOST', store, 'lost'],
    ] as const)
      asset[tag] = await add('assets/', { asset_tag: `${tag}-${suffix}`, name: tag, current_location, status });
    await app.call('POST', `assets/${asset.HELD}/check-out/`, { body: { assigned_to: app.userId('operator') } });
    session = await add('inventory-sessions/', { name: 'Hall', location: hall });
    const scans = ['HERE', 'MOVER', 'LOST'].map((tag) => ({ raw_value: `${tag}-${suffix}` }));
    await app.call('POST', `inventory-sessions/${session}/count/`, {
      body: { scans: [...scans, { raw_value: 'GHOST' }] },
    });
  });

  const close = () => app.call('POST', `inventory-sessions/${session}/close/`);
  const reconcile = (body: object, role: 'operator' | 'auditor' = 'operator') =>
    app.call('POST', `inventory-sessions/${session}/reconcile/`, { role, body });
  const read = async (tag: string) => (await app.call('GET', `assets/${asset[tag]}/`)).body;
  const latest = async (tag: string) => (await app.call('GET', `assets/${asset[tag]}/history/`)).body.results[0];
  const everything = { apply_moves: true, mark_lost: true };

  it('waits for the close', async () => {
    expect((await reconcile({})).body.detail).toContain('still open');
  });

  it('moves here and marks lost, each with a record, and leaves what is checked out', async () => {
    await close();
    const { status, body } = await reconcile(everything);
    expect([status, body]).toMatchObject([
      200,
      { status: 'reconciled', dry_run: false, moved: 1, marked_lost: 1, ignored: 0, skipped: 1, left_open: 2 },
    ]);
    expect(body.corrections.find(({ applied }: { applied: boolean }) => !applied)).toMatchObject({
      asset: asset.HELD,
      action: 'mark_lost',
      reason: 'It is checked out. Name it to mark it lost all the same.',
    });
    expect(await read('MOVER')).toMatchObject({ current_location: hall, status: 'active' });
    expect(await read('GONE')).toMatchObject({ current_location: hall, status: 'lost' });
    expect(await read('HELD')).toMatchObject({ status: 'active' });
    expect(await latest('MOVER')).toMatchObject({
      event_type: 'reconcile',
      location: hall,
      previous_state: { current_location: store },
      new_state: { current_location: hall, note: `Stock-take ${session} (Hall): moved` },
    });
    expect(await latest('GONE')).toMatchObject({ event_type: 'reconcile', new_state: { status: 'lost' } });
    expect((await app.call('DELETE', `inventory-sessions/${session}/`)).status).toBe(409);
  });

  it('tells in a dry run what it would do, to any role, and does nothing', async () => {
    await close();
    const before = [await read('GONE'), await read('MOVER'), await latest('GONE')];
    const { status, body } = await reconcile({ ...everything, dry_run: true }, 'auditor');
    expect([status, body]).toMatchObject([
      200,
      { status: 'closed', dry_run: true, moved: 1, marked_lost: 1, skipped: 1 },
    ]);
    expect([await read('GONE'), await read('MOVER'), await latest('GONE')]).toEqual(before);
    expect((await reconcile(everything, 'auditor')).status).toBe(403);
  });

  it('takes a choice for each asset: one by name goes before what goes for all', async () => {
    await close();
    const corrections = [
      { asset: asset.GONE, action: 'ignore', note: 'in the van' },
      { asset: asset.HELD, action: 'mark_lost' },
      { asset: asset.LOST, action: 'move' },
    ];
    const { body } = await reconcile({ corrections, ...everything });
    expect(body).toMatchObject({ moved: 2, marked_lost: 1, ignored: 1, skipped: 0, left_open: 0 });
    expect(await read('GONE')).toMatchObject({ status: 'active' });
    expect(await latest('GONE')).toMatchObject({
      event_type: 'reconcile',
      previous_state: {},
      new_state: { note: `Stock-take ${session} (Hall): missing. in the van. Ignored` },
    });
    expect(await read('HELD')).toMatchObject({ status: 'lost' });
    expect(await read('LOST')).toMatchObject({ status: 'active', current_location: hall });
    const { results } = (await app.call('GET', `inventory-sessions/${session}/lines/?correction=ignore`)).body;
    expect(results).toMatchObject([{ asset: asset.GONE, outcome: 'missing' }]);
  });

  it('goes in steps, and corrects nothing twice', async () => {
    await close();
    expect((await reconcile({ apply_moves: true })).body).toMatchObject({ moved: 1, left_open: 3 });
    expect((await reconcile(everything)).body).toMatchObject({ moved: 0, marked_lost: 1 });
    expect((await reconcile({ corrections: [{ asset: asset.MOVER, action: 'move' }] })).body).toMatchObject({
      moved: 0,
      skipped: 1,
      corrections: [{ reason: 'Corrected before: move.' }],
    });
  });

  it('does not undo what happened since the close', async () => {
    await close();
    await app.call('POST', `assets/${asset.MOVER}/move/`, { body: { current_location: store } });
    const elsewhere = await add('locations/', { name: 'Van', code: randomUUID() });
    await app.call('POST', `assets/${asset.MOVER}/move/`, { body: { current_location: elsewhere } });
    await app.call('POST', 'scan-events/', { body: { raw_value: (await read('GONE')).asset_tag } });
    const { body } = await reconcile(everything);
    expect(body).toMatchObject({ moved: 0, marked_lost: 0, skipped: 3 });
    const reasons = body.corrections.map(({ reason }: { reason: string }) => reason);
    expect(reasons).toEqual(
      expect.arrayContaining(['It was moved after the close.', 'It was scanned after the close.']),
    );
    expect(await read('MOVER')).toMatchObject({ current_location: elsewhere });
  });

  it('takes what was handed out, returned or inspected since the close for seen', async () => {
    await close();
    await app.call('POST', `assets/${asset.HELD}/check-in/`, { body: {} });
    await app.call('POST', 'inspection-records/', {
      body: { asset: asset.GONE, inspected_at: new Date().toISOString(), status: 'passed' },
    });
    const named = [{ asset: asset.HELD, action: 'mark_lost' }];
    const { body } = await reconcile({ corrections: named, mark_lost: true });
    const reasons = Object.fromEntries(
      body.corrections.map((one: { asset: number; reason: string }) => [one.asset, one.reason]),
    );
    expect(reasons).toEqual({
      [asset.HELD!]: 'It was checked out or in after the close.',
      [asset.GONE!]: 'It was inspected after the close.',
    });
    expect(await read('HELD')).toMatchObject({ status: 'active' });
  });

  it('skips an asset that is deleted at that moment', async () => {
    await close();
    const ctx = app.as('operator');
    const db = new Proxy(ctx.db, {
      get(target, name) {
        const value = Reflect.get(target, name, target);
        if (name !== 'query') return typeof value === 'function' ? value.bind(target) : value;
        return async (sql: string, params: never[]) => {
          if (sql.includes('FROM assets WHERE tenant_id = ? AND id IN'))
            await app.call('DELETE', `assets/${asset.GONE}/`);
          return target.query(sql, params);
        };
      },
    });
    const { corrections } = await stocktake.reconcile({ ...ctx, db }, session, { ...everything, dry_run: true });
    const gone = corrections.find((one) => one.asset === asset.GONE);
    expect([gone?.applied, gone?.reason]).toEqual([false, 'It was deleted.']);
  });

  it('refuses choices that fit no difference, and then does nothing at all', async () => {
    await close();
    const corrections = [
      { asset: asset.MOVER, action: 'mark_lost' },
      { asset: asset.HERE, action: 'move' },
      { asset: asset.GONE, action: 'ignore' },
      { asset: asset.GONE, action: 'mark_lost' },
    ];
    const { status, body } = await reconcile({ corrections, ...everything });
    expect([status, body]).toEqual([
      400,
      {
        corrections: {
          0: { action: ['This asset is moved. Choose one of: move, ignore.'] },
          1: { asset: ['This asset is no difference of this session.'] },
          3: { asset: ['This asset is named twice.'] },
        },
      },
    ]);
    expect((await app.call('GET', `inventory-sessions/${session}/`)).body.status).toBe('closed');
    expect(await read('MOVER')).toMatchObject({ current_location: store });
  });
});
