import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as stocktake from '../../../src/domain/stocktake/service.ts';
import { type TestApp, testApp } from '../../support/app.ts';
import { onEveryDatabase } from '../../support/databases.ts';

onEveryDatabase('a count', (dialect) => {
  let app: TestApp;
  const place: Record<string, number> = {};
  const asset: Record<string, number> = {};
  beforeAll(async () => {
    app = await testApp(dialect);
    const add = async (path: string, body: object) => (await app.call('POST', path, { body })).body.id as number;
    place.ward = await add('locations/', { name: 'Ward', code: 'WARD' });
    place.room = await add('locations/', { name: 'Room', code: 'ROOM', parent: place.ward });
    place.store = await add('locations/', { name: 'Store', code: 'STORE' });
    for (const [tag, where, status] of [
      ['W-1', 'ward', 'active'],
      ['W-2', 'ward', 'in_maintenance'],
      ['W-3', 'ward', 'active'],
      ['W-LOST', 'ward', 'lost'],
      ['R-1', 'room', 'active'],
      ['S-1', 'store', 'active'],
    ] as const)
      asset[tag] = await add('assets/', { asset_tag: tag, name: tag, current_location: place[where], status });
  }, 60_000);
  afterAll(() => app.close());

  const open = async (body: object = { location: place.ward }) =>
    (await app.call('POST', 'inventory-sessions/', { role: 'operator', body: { name: 'Count', ...body } })).body;
  const count = (session: number, body: object) =>
    app.call('POST', `inventory-sessions/${session}/count/`, { role: 'operator', body });
  const close = (session: number) => app.call('POST', `inventory-sessions/${session}/close/`);
  const lines = async (session: number) =>
    (await app.call('GET', `inventory-sessions/${session}/lines/?page_size=500`)).body.results as Line[];
  interface Line {
    asset_tag: string;
    barcode_value: string;
    expected_qty: number;
    counted_qty: number;
    variance_qty: number;
    outcome: string;
    recorded_location: number | null;
  }
  const outcomes = async (session: number) =>
    Object.fromEntries((await lines(session)).map((line) => [line.asset_tag || line.barcode_value, line.outcome]));

  it('expects what the records have at the location, with places below it only when told', async () => {
    const session = await open();
    expect(session).toMatchObject({ status: 'open', opened_by: app.userId('operator'), closed_at: null });
    expect(await outcomes(session.id)).toEqual({ 'W-1': 'missing', 'W-2': 'missing', 'W-3': 'missing' });
    const deep = await open({ location: place.ward, include_sublocations: true });
    expect(Object.keys(await outcomes(deep.id))).toContain('R-1');
  });

  it('tells every outcome at the close, and freezes it', async () => {
    const { id } = await open();
    for (const raw_value of ['W-1', 'W-1', 'S-1', 'R-1', 'W-LOST', 'NOBODY']) await count(id, { raw_value });
    const arriving = (
      await app.call('POST', 'assets/', { body: { asset_tag: `N-${id}`, name: 'x', current_location: place.ward } })
    ).body;
    expect((await count(id, { raw_value: arriving.asset_tag })).body.results[0]).toMatchObject({ outcome: 'found' });
    await app.call('POST', `assets/${asset['W-3']}/move/`, { body: { current_location: place.store } });
    const expected = {
      'W-1': 'found',
      'W-2': 'missing',
      'W-3': 'left',
      'S-1': 'moved',
      'R-1': 'moved',
      'W-LOST': 'unexpected',
      [arriving.asset_tag]: 'found',
      NOBODY: 'unknown',
    };
    expect(await outcomes(id)).toEqual(expected);
    expect((await close(id)).body).toMatchObject({ status: 'closed', closed_by_label: 'plant-admin' });
    await app.call('POST', `assets/${asset['W-3']}/move/`, { body: { current_location: place.ward } });
    await app.call('POST', `assets/${asset['S-1']}/move/`, { body: { current_location: place.ward } });
    expect(await outcomes(id)).toEqual(expected);
    const found = Object.fromEntries((await lines(id)).map((line) => [line.asset_tag || line.barcode_value, line]));
    expect(found['W-1']).toMatchObject({ expected_qty: 1, counted_qty: 2, variance_qty: 1 });
    expect(found['W-2']).toMatchObject({ expected_qty: 1, counted_qty: 0, variance_qty: -1 });
    expect(found['W-3']).toMatchObject({ expected_qty: 0, counted_qty: 0, variance_qty: 0 });
    expect(found['S-1']).toMatchObject({ expected_qty: 0, variance_qty: 1, recorded_location: place.store });
    expect(found[arriving.asset_tag]).toMatchObject({ expected_qty: 1, counted_qty: 1, variance_qty: 0 });
    expect((await close(id)).body).toEqual({ detail: 'This session is already closed.' });
    await app.call('POST', `assets/${asset['S-1']}/move/`, { body: { current_location: place.store } });
    expect((await app.call('DELETE', `assets/${arriving.id}/`)).status).toBe(204);
    expect(await outcomes(id)).toEqual(expected);
  });

  it('makes each scan a scan event with its history, at the place of the session', async () => {
    const { id } = await open();
    const { status, body } = await count(id, { raw_value: 'W-1', captured_at: '2026-01-01T00:00:00Z' });
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({ session: id, counted: 1, unknown: 0, repeated: 0, late: 0, failed: 0 }),
    ]);
    const scan = (await app.call('GET', `scan-events/${body.results[0].scan_event}/`)).body;
    expect(scan).toMatchObject({
      asset: asset['W-1'],
      location: place.ward,
      offline_captured_at: '2026-01-01T00:00:00.000Z',
    });
    const [record] = (await app.call('GET', `assets/${asset['W-1']}/history/`)).body.results;
    expect(record).toMatchObject({ event_type: 'scan', location: place.ward, new_state: { scan_event: scan.id } });
  });

  it('counts a client_event_id once, in a list, again, and at the same moment', async () => {
    const { id } = await open();
    const scan = { raw_value: 'W-1', client_event_id: randomUUID() };
    const first = await count(id, { scans: [scan, scan, { raw_value: 'GHOST' }, { raw_value: 'GHOST' }] });
    expect(first.body).toMatchObject({ counted: 3, repeated: 1, unknown: 2 });
    expect((await count(id, scan)).body).toMatchObject({ counted: 0, repeated: 1 });
    const other = { raw_value: 'W-2', client_event_id: randomUUID() };
    const both = await Promise.all(
      Array.from({ length: 8 }, (_, index) => count(id, index % 2 ? other : { scans: [other] })),
    );
    expect(both.map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect(
      both
        .map(({ body }) => body.counted)
        .sort()
        .at(-1),
    ).toBe(1);
    const found = Object.fromEntries((await lines(id)).map((line) => [line.barcode_value, line.counted_qty]));
    expect(found).toMatchObject({ 'W-1': 1, 'W-2': 1, GHOST: 2 });
  });

  it('takes a scan that was recorded outside a session before', async () => {
    const { id } = await open();
    const scan = { raw_value: 'W-1', client_event_id: randomUUID() };
    const { body } = await app.call('POST', 'scan-events/', { body: scan });
    expect((await count(id, scan)).body).toMatchObject({ counted: 1, results: [{ scan_event: body.id }] });
  });

  it('keeps what is right beside what is faulty, and says which is which', async () => {
    const { id } = await open();
    const { status, body } = await count(id, {
      scans: [{ raw_value: 'W-1' }, { raw_value: '' }, 7, { raw_value: 'W-2', location: 999_999 }],
    });
    expect([status, body]).toMatchObject([200, { counted: 1, failed: 3 }]);
    expect(body.results.map(({ errors }: { errors: object | null }) => errors)).toMatchObject([
      null,
      { raw_value: ['This field may not be blank.'] },
      { non_field_errors: [expect.any(String)] },
      { location: ['Location not found.'] },
    ]);
    expect((await count(id, { raw_value: '' })).status).toBe(400);
  });

  it('takes its location from the first scan that names one', async () => {
    const session = await open({ location: null });
    expect((await close(session.id)).body.detail).toContain('no location yet');
    expect((await count(session.id, { raw_value: 'W-1' })).body).toMatchObject({ location: null, counted: 1 });
    const named = await count(session.id, {
      scans: [{ raw_value: 'WARD' }, { raw_value: 'CMD:DONE' }, { raw_value: 'STORE' }],
    });
    expect(named.body).toMatchObject({ location: place.ward, counted: 0, unknown: 0 });
    expect(named.body.results.map(({ result }: { result: string }) => result)).toEqual([
      'location',
      'command',
      'location',
    ]);
    expect(await outcomes(session.id)).toEqual({ 'W-1': 'found', 'W-2': 'missing', 'W-3': 'missing' });
    const kiosk = await open({ location: null });
    expect((await count(kiosk.id, { raw_value: 'S-1', location: place.store })).body).toMatchObject({
      location: place.store,
      results: [{ outcome: 'found', counted_qty: 1 }],
    });
  });

  it('expects anew when the location is set right, and keeps what was counted', async () => {
    const { id } = await open({ location: place.store });
    await count(id, { raw_value: 'W-1' });
    await app.call('PATCH', `inventory-sessions/${id}/`, {
      body: { location: place.ward, include_sublocations: true },
    });
    expect(await outcomes(id)).toEqual({ 'W-1': 'found', 'W-2': 'missing', 'W-3': 'missing', 'R-1': 'missing' });
    expect((await lines(id)).map(({ variance_qty }) => variance_qty).sort()).toEqual([-1, -1, -1, 0]);
    await close(id);
    expect((await app.call('PATCH', `inventory-sessions/${id}/`, { body: { location: place.store } })).status).toBe(
      409,
    );
  });

  it('survives that an asset is deleted meanwhile, seen or not', async () => {
    const gone = async (tag: string) => {
      const body = { asset_tag: tag, name: 'x', current_location: place.store };
      return (await app.call('POST', 'assets/', { body })).body.id as number;
    };
    const [seen, unseen] = [await gone('DEL-1'), await gone('DEL-2')];
    const { id } = await open({ location: place.store });
    await count(id, { raw_value: 'DEL-1' });
    for (const one of [seen, unseen]) expect((await app.call('DELETE', `assets/${one}/`)).status).toBe(204);
    expect((await count(id, { raw_value: 'DEL-1' })).body).toMatchObject({ unknown: 1 });
    await close(id);
    const found = (await lines(id)).map(({ barcode_value, outcome }) => `${barcode_value} ${outcome}`);
    expect(found.sort()).toEqual(['DEL-1 found', 'DEL-1 unknown', 'DEL-2 left', 'S-1 missing']);
  });

  it('is ended by a console that sets its status, and by nothing else that it sends', async () => {
    const session = await open();
    const path = `inventory-sessions/${session.id}/`;
    const set = (body: object, method = 'PATCH') => app.call(method, path, { role: 'operator', body });
    expect((await set({ ...session, name: 'Renamed' }, 'PUT')).body).toMatchObject({ name: 'Renamed', status: 'open' });
    for (const [status, words] of [
      ['reconciled', /POST inventory-sessions\/\d+\/reconcile\//],
      ['nonsense', /not a valid choice/],
    ] as const) {
      const refused = await set({ name: 'Lost', status });
      expect([refused.status, refused.body.status[0]]).toEqual([400, expect.stringMatching(words)]);
    }
    expect((await app.call('PATCH', path, { role: 'auditor', body: { status: 'closed' } })).status).toBe(403);
    expect((await app.call('GET', path)).body).toMatchObject({ name: 'Renamed', status: 'open' });
    const closed = await set({ name: 'Done', status: 'closed' });
    expect([closed.status, closed.body]).toMatchObject([
      200,
      { name: 'Done', status: 'closed', closed_by_label: 'plant-operator' },
    ]);
    expect(new Set(Object.values(await outcomes(session.id)))).toEqual(new Set(['missing']));
    expect((await count(session.id, { raw_value: 'W-1' })).status).toBe(409);
    expect((await set({ status: 'closed' })).status).toBe(200);
    const reopened = await set({ status: 'open' });
    expect([reopened.status, reopened.body.status[0]]).toEqual([400, expect.stringMatching(/is closed and stays so/)]);
    const nowhere = await open({});
    const early = await app.call('PATCH', `inventory-sessions/${nowhere.id}/`, { body: { status: 'closed' } });
    expect([early.status, early.body.detail]).toEqual([409, expect.stringMatching(/no location yet/)]);
  });

  it('has one place for each line, though the asset is moved while it is closed', async () => {
    const { id } = await open();
    const moving = {
      sql: 'UPDATE assets SET current_location_id = ? WHERE id = ?',
      params: [place.store!, asset['W-2']!],
    };
    await app.database.transaction(async (tx) => {
      const db = new Proxy(tx, {
        get(target, name, proxy) {
          const value = Reflect.get(target, name, target);
          if (name === 'transaction') return (work: (db: unknown) => unknown) => work(proxy);
          if (name !== 'execute') return typeof value === 'function' ? value.bind(target) : value;
          return async (sql: string, params: never[]) => {
            // Between the look at the lines and what is written of them.
            if (sql.startsWith('UPDATE inventory_lines')) await target.execute(moving.sql, moving.params);
            return target.execute(sql, params);
          };
        },
      });
      await stocktake.close({ ...app.as('operator'), db }, id);
    });
    const line = (await lines(id)).find(({ asset_tag }) => asset_tag === 'W-2');
    expect(line).toMatchObject({ outcome: 'missing', recorded_location: place.ward });
    const dry = await app.call('POST', `inventory-sessions/${id}/reconcile/`, {
      body: { mark_lost: true, dry_run: true },
    });
    const skipped = dry.body.corrections.find(({ asset_tag }: { asset_tag: string }) => asset_tag === 'W-2');
    expect(skipped).toMatchObject({ applied: false, reason: 'It was moved after the close.' });
    await app.database.execute(moving.sql, [place.ward!, asset['W-2']!]);
  });

  it('refuses what comes after the close, and still keeps it as a scan event', async () => {
    const { id } = await open();
    const early = { raw_value: 'W-1', client_event_id: randomUUID() };
    await count(id, early);
    await close(id);
    const late = { raw_value: 'W-2', client_event_id: randomUUID() };
    const refused = await count(id, late);
    expect([refused.status, refused.body.detail]).toEqual([
      409,
      'This session is closed, so this scan was not counted. It is kept as a scan event.',
    ]);
    const kept = await app.call('GET', `scan-events/?client_event_id=${late.client_event_id}`);
    expect(kept.body.results).toMatchObject([{ id: refused.body.results[0].scan_event, asset: asset['W-2'] }]);
    expect(await outcomes(id)).toMatchObject({ 'W-2': 'missing' });
    expect((await count(id, early)).body).toMatchObject({ repeated: 1, late: 0 });
    expect((await count(id, { scans: [early, late] })).body).toMatchObject({ repeated: 1, late: 1 });
  });

  it('goes without its scans, and not at all once it is reconciled', async () => {
    const { id } = await open();
    const { body } = await count(id, { raw_value: 'W-1' });
    expect((await app.call('DELETE', `inventory-sessions/${id}/`)).status).toBe(204);
    expect((await app.call('GET', `scan-events/${body.results[0].scan_event}/`)).status).toBe(200);
  });
});
