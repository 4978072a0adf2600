import { afterAll, beforeAll, expect, it } from 'vitest';
import * as sync from '../../../src/domain/sync/service.ts';
import { type TestApp, testApp } from '../../support/app.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { sync as call, change, newAsset, read, scan } from './client.ts';

onEveryDatabase('the journals of sync', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
  });
  afterAll(() => app.close());

  /** An edit of two fields that loses one to the web and has the other refused. */
  async function losing(device = 'phone-1') {
    const asset = await newAsset(app);
    await change(app, asset.id, { name: 'web' });
    const fields = { name: 'phone', status: { no: 'status' } };
    const { id, updated_at } = asset;
    const edit = { id, base_updated_at: updated_at, captured_at: '2026-01-01T00:00:00Z', fields };
    const { conflicts } = await call(app, { device, asset_changes: [edit] });
    const idOf = (field: string) => Number(conflicts.find((one: { field: string }) => one.field === field).id);
    return { asset, name: idOf('name'), status: idOf('status') };
  }
  const listed = async (path: string, query = '') => (await app.call('GET', `${path}/?${query}`)).body.results;
  const idsOf = (rows: { id: number }[]) => rows.map(({ id }) => id);
  const resolve = (id: number, resolution: string, role: 'operator' | 'auditor' = 'operator') =>
    app.call('POST', `sync-conflicts/${id}/resolve/`, { role, body: { resolution } });

  it('list each value that lost as it was, by asset, device and state', async () => {
    const { asset, name, status } = await losing();
    await losing('phone-2');
    const rows = await listed('sync-conflicts', `asset=${asset.id}&device=phone-1&state=open&ordering=id`);
    expect(rows).toMatchObject([
      { id: status, field: 'status', local_value: { no: 'status' }, server_value: 'active', reason: 'refused' },
      { id: name, field: 'name', local_value: 'phone', server_value: 'web', reason: 'overwritten', resolution: null },
    ]);
    expect(await listed('sync-conflicts', `asset=${asset.id}&device=phone-2`)).toEqual([]);
    expect((await app.call('GET', `sync-conflicts/${name}/`, { role: 'auditor' })).body).toEqual(rows[1]);
    expect((await app.call('GET', 'sync-conflicts/?state=maybe')).status).toBe(400);
  });

  it('let a conflict be settled once, as an acknowledgement does', async () => {
    const { asset, name, status } = await losing();
    expect((await resolve(name, 'keep_local', 'auditor')).status).toBe(403);
    expect((await read(app, asset.id)).name).toBe('web');
    const settled = await resolve(name, 'keep_local');
    expect([settled.status, settled.body]).toMatchObject([200, { id: name, resolution: 'keep_local' }]);
    expect((await read(app, asset.id)).name).toBe('phone');
    await change(app, asset.id, { name: 'later' });
    expect((await resolve(name, 'keep_local')).status).toBe(200);
    expect((await resolve(name, 'accept_server')).status).toBe(409);
    expect((await read(app, asset.id)).name).toBe('later');
    const acknowledged = await call(app, {
      conflict_acknowledgements: [{ conflict_id: String(name), resolution: 'accept_server' }],
    });
    expect(acknowledged.results).toMatchObject([{ status: 'duplicate' }]);
    expect((await resolve(status, 'keep_local')).status).toBe(400);
    expect(idsOf(await listed('sync-conflicts', `asset=${asset.id}&state=open`))).toEqual([status]);
    expect(idsOf(await listed('sync-conflicts', `asset=${asset.id}&state=settled`))).toEqual([name]);
  });

  it('list what could not be stored as it was sent, to every role of the tenant', async () => {
    const item = { raw_value: 'a\0b', half: '\ud800', depth: [{ a: 1 }] };
    await call(app, { device: 'phone-9', scan_events: [item, 'text', scan()], asset_changes: [{ id: 'x' }] });
    const rows = await listed('sync-quarantine', 'device=phone-9&ordering=id');
    expect(rows.map(({ kind }: { kind: string }) => kind).sort()).toEqual(['asset_change', 'scan_event', 'scan_event']);
    expect(rows.map(({ raw }: { raw: unknown }) => raw)).toEqual(expect.arrayContaining([item, 'text', { id: 'x' }]));
    const { status, body } = await app.call('GET', `sync-quarantine/${rows[0].id}/`, { role: 'read_only' });
    expect([status, body]).toEqual([200, rows[0]]);
    expect((await app.call('GET', 'sync-quarantine/', { tenant: app.other })).body.count).toBe(0);
    const csv = await app.call('GET', 'sync-quarantine/?device=phone-9&format=csv');
    expect(csv.text).toContain('text');
  });

  it('forget old edits, not those that a conflict speaks of, and an app that repeats one changes nothing', async () => {
    const { asset, name } = await losing('phone-3');
    const plain = await newAsset(app);
    const edit = {
      id: plain.id,
      base_updated_at: plain.updated_at,
      captured_at: new Date().toISOString(),
      fields: { name: 'Saw' },
    };
    await call(app, { device: 'phone-3', asset_changes: [edit] });
    const edits = async () => {
      const sql = 'SELECT asset_id FROM sync_edits WHERE asset_id IN (?, ?) ORDER BY id';
      const rows = await app.database.query<{ asset_id: number }>(sql, [asset.id, plain.id]);
      return rows.map(({ asset_id }) => asset_id);
    };
    expect(await sync.pruneEdits(app.database, new Date(Date.now() - 60_000))).toBe(0);
    expect(await edits()).toEqual([asset.id, plain.id]);
    const tomorrow = new Date(Date.now() + 86_400_000);
    await Promise.all([sync.pruneEdits(app.database, tomorrow), sync.pruneEdits(app.database, tomorrow)]);
    expect(await edits()).toEqual([asset.id]);
    expect((await app.call('GET', `sync-conflicts/${name}/`)).status).toBe(200);
    const { version } = { version: await read(app, plain.id) };
    const again = await call(app, { device: 'phone-3', asset_changes: [edit] });
    expect([again.results[0].status, again.conflicts]).toEqual(['unchanged', []]);
    expect(await read(app, plain.id)).toEqual(version);
  });
});
