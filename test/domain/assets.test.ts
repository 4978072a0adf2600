import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase } from '../support/databases.ts';

onEveryDatabase('assets', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
  });
  afterAll(() => app.close());

  const create = async (body: object) => (await app.call('POST', 'assets/', { body })).body;
  const location = async (code: string) =>
    (await app.call('POST', 'locations/', { body: { name: code, code } })).body.id;
  const history = async (id: number) => (await app.call('GET', `assets/${id}/history/?ordering=id`)).body.results;

  it('creates an asset with its defaults and a record of it', async () => {
    const { status, body, headers } = await app.call('POST', 'assets/', { body: { asset_tag: 'A-1', name: 'Drill' } });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      asset_tag: 'A-1',
      status: 'active',
      barcode_type: 'qr',
      tenant: app.plant.id,
      custom_fields: {},
    });
    expect(headers.get('ETag')).toMatch(/^"[0-9a-f]{32}"$/);
    const [record] = await history(body.id);
    expect(record).toMatchObject({
      event_type: 'create',
      asset: body.id,
      actor: app.userId('admin'),
      previous_state: {},
    });
    expect(record.new_state).toMatchObject({ asset_tag: 'A-1', name: 'Drill' });
    expect(record.checksum).toMatch(/^[0-9a-f]{64}$/);
  });

  it('refuses a second asset with the tag, and frees the tag when the first is deleted', async () => {
    const first = await create({ asset_tag: 'DUP', name: 'One' });
    const again = await app.call('POST', 'assets/', { body: { asset_tag: 'DUP', name: 'Two' } });
    expect([again.status, again.body]).toEqual([409, { detail: 'Another asset with this asset_tag already exists.' }]);
    expect((await app.call('DELETE', `assets/${first.id}/`)).status).toBe(204);
    expect((await app.call('POST', 'assets/', { body: { asset_tag: 'DUP', name: 'Two' } })).status).toBe(201);
    expect((await app.call('GET', `assets/${first.id}/`)).status).toBe(404);
  });

  it('changes only what was sent, and writes the fields that changed', async () => {
    const { id } = await create({ asset_tag: 'P-1', name: 'Old', description: 'kept', custom_fields: { a: 1 } });
    const { body } = await app.call('PATCH', `assets/${id}/`, { body: { name: 'New', synced: true } });
    expect(body).toMatchObject({ name: 'New', description: 'kept', custom_fields: { a: 1 } });
    const records = await history(id);
    expect(records.at(-1)).toMatchObject({
      event_type: 'update',
      previous_state: { name: 'Old' },
      new_state: { name: 'New' },
    });
    await app.call('PATCH', `assets/${id}/`, { body: { name: 'New' } });
    expect(await history(id)).toHaveLength(records.length);
  });

  it('guards against a lost update', async () => {
    const { body, headers } = await app.call('POST', 'assets/', { body: { asset_tag: 'E-1', name: 'One' } });
    const etag = headers.get('ETag')!;
    const change = (name: string) =>
      app.call('PATCH', `assets/${body.id}/`, { body: { name }, headers: { 'If-Match': etag } });
    expect((await change('Two')).status).toBe(200);
    expect((await change('Three')).status).toBe(412);
    expect((await app.call('GET', `assets/${body.id}/`)).body.name).toBe('Two');
    const fresh = (await app.call('GET', `assets/${body.id}/`)).headers.get('ETag')!;
    const unchanged = await fetch(`${app.url}/api/v1/assets/${body.id}/`, {
      headers: { ...(await authorised()), 'If-None-Match': fresh, 'Cache-Control': 'max-age=0' },
    });
    expect(unchanged.status).toBe(304);
  });

  const authorised = async () => {
    const login = await app.call('GET', 'auth/context/');
    expect(login.status).toBe(200);
    const { default: jwt } = await import('jsonwebtoken');
    const claims = { token_type: 'access', user_id: app.userId('admin'), jti: 'x' };
    const token = jwt.sign(claims, Buffer.alloc(32, 7), { algorithm: 'HS256', expiresIn: 60 });
    return { Authorization: `Bearer ${token}`, 'X-Tenant-ID': 'plant' };
  };

  it('hands out, takes back and moves, each one record', async () => {
    const { id } = await create({ asset_tag: 'C-1', name: 'Scale' });
    const place = await location('ROOM-1');
    const member = app.userId('operator');
    const act = (name: string, body: object = {}) =>
      app.call('POST', `assets/${id}/${name}/`, { role: 'operator', body });
    const out = await act('check-out', { assigned_to: member, expected_return_at: '2027-01-31T12:00:00+02:00' });
    expect(out.body).toMatchObject({ assigned_to: member, expected_return_at: '2027-01-31T10:00:00.000Z' });
    expect(out.body.checked_out_at).not.toBeNull();
    expect((await act('check-out', { assigned_to: member })).status).toBe(409);
    const back = await act('check-in', { current_location: place, note: 'scratched' });
    expect(back.body).toMatchObject({
      assigned_to: null,
      checked_out_at: null,
      expected_return_at: null,
      current_location: place,
    });
    expect((await act('check-in')).status).toBe(409);
    expect((await act('move', { current_location: place })).status).toBe(200);
    const records = await history(id);
    expect(records.map((record: { event_type: string }) => record.event_type)).toEqual([
      'create',
      'assign',
      'assign',
      'move',
    ]);
    expect(records[2].new_state.note).toBe('scratched');
  });

  it('lends nothing that is retired, and dates the retirement', async () => {
    const { id } = await create({ asset_tag: 'R-1', name: 'Old' });
    const retired = await app.call('PATCH', `assets/${id}/`, { body: { status: 'retired' } });
    expect(retired.body.retired_at).toMatch(/Z$/);
    const out = await app.call('POST', `assets/${id}/check-out/`, { body: { assigned_to: app.userId('operator') } });
    expect(out.status).toBe(409);
    const revived = await app.call('PATCH', `assets/${id}/`, { body: { status: 'active' } });
    expect(revived.body.retired_at).toBeNull();
    expect((await history(id)).map((record: { event_type: string }) => record.event_type)).toEqual([
      'create',
      'retire',
      'update',
    ]);
  });

  it('accepts a status only when it is built in or the tenant added it', async () => {
    const refused = await app.call('POST', 'assets/', { body: { asset_tag: 'S-1', name: 'x', status: 'in_transit' } });
    expect([refused.status, Object.keys(refused.body)]).toEqual([400, ['status']]);
    const settings = JSON.stringify({ asset_statuses: ['in_transit'] });
    await app.database.execute('UPDATE tenants SET settings = ? WHERE id = ?', [settings, app.plant.id]);
    await app.database.execute('UPDATE auth_version SET version = version + 1');
    expect(
      (await app.call('POST', 'assets/', { body: { asset_tag: 'S-1', name: 'x', status: 'in_transit' } })).status,
    ).toBe(201);
  });

  it('refuses a ring of parents', async () => {
    const top = await create({ asset_tag: 'T-1', name: 'Top' });
    const middle = await create({ asset_tag: 'T-2', name: 'Middle', parent_asset: top.id });
    const low = await create({ asset_tag: 'T-3', name: 'Low', parent_asset: middle.id });
    for (const parent of [top.id, middle.id, low.id]) {
      const { status, body } = await app.call('PATCH', `assets/${top.id}/`, { body: { parent_asset: parent } });
      expect([status, Object.keys(body)]).toEqual([400, ['parent_asset']]);
    }
  });

  it('deletes an asset and leaves its scans, children and history', async () => {
    const parent = await create({ asset_tag: 'D-1', name: 'Parent' });
    const child = await create({ asset_tag: 'D-2', name: 'Child', parent_asset: parent.id });
    const scan = (await app.call('POST', 'scan-events/', { body: { raw_value: 'D-1' } })).body;
    expect(scan.asset).toBe(parent.id);
    await app.call('DELETE', `assets/${parent.id}/`);
    expect((await app.call('GET', `scan-events/${scan.id}/`)).body.asset).toBeNull();
    expect((await app.call('GET', `assets/${child.id}/`)).body.parent_asset).toBeNull();
    const kept = await app.database.query<{ event_type: string }>(
      'SELECT event_type FROM asset_state_history WHERE asset_id = ? ORDER BY id',
      [parent.id],
    );
    expect(kept.map(({ event_type }) => event_type)).toEqual(['create', 'scan', 'delete']);
  });

  it('keeps a location that assets are at', async () => {
    const place = await location('USED');
    await create({ asset_tag: 'U-1', name: 'x', current_location: place });
    expect((await app.call('DELETE', `locations/${place}/`)).status).toBe(409);
  });

  it('writes a thousand rows in one call, with a result for each', async () => {
    const items = Array.from({ length: 1_000 }, (_, index) => ({
      asset_tag: `BULK-${index % 999}`,
      name: `Item ${index}`,
    }));
    const { status, body } = await app.call('POST', 'assets/bulk/', { body: { items } });
    expect([status, body.created, body.failed]).toEqual([200, 999, 1]);
    expect(body.results[999]).toMatchObject({ index: 999, status: 409, asset: null });
    const changed = await app.call('POST', 'assets/bulk/', {
      body: { items: [{ id: body.results[0].id, name: 'Renamed' }, { name: 'no tag' }] },
    });
    expect(changed.body).toMatchObject({ created: 0, updated: 1, failed: 1 });
    expect(changed.body.results[1].errors).toEqual({ asset_tag: ['This field is required.'] });
    expect((await app.call('POST', 'assets/bulk/', { body: { items: [...items, items[0]] } })).status).toBe(400);
  });

  it('answers an item that is no object as that item alone', async () => {
    const odd = { items: [{ asset_tag: 'BULK-OK', name: 'Fine' }, 7, null, [], { id: 'x' }] };
    const { status, body } = await app.call('POST', 'assets/bulk/', { body: odd });
    expect([status, body.created, body.failed]).toEqual([200, 1, 4]);
    expect(body.results.map((result: { status: number }) => result.status)).toEqual([201, 400, 400, 400, 400]);
  });

  it('finds an asset by its tag, whatever stands in it', async () => {
    const made = await create({ asset_tag: 'Shelf 3/B %', name: 'x' });
    const { body } = await app.call('GET', `assets/by-tag/${encodeURIComponent('Shelf 3/B %')}/`);
    expect(body.id).toBe(made.id);
    expect((await app.call('GET', 'assets/by-tag/nothing/')).status).toBe(404);
  });

  it('registers, claims and revokes codes', async () => {
    const { id } = await create({ asset_tag: 'K-1', name: 'Keyed' });
    const other = await create({ asset_tag: 'K-2', name: 'Other' });
    const lookUp = (code: string) => app.call('GET', `lookups/assets/?barcode=${encodeURIComponent(code)}`);
    const printed = (await app.call('POST', 'asset-codes/', { body: { code: 'PRINTED-1' } })).body;
    expect(printed).toMatchObject({ status: 'unclaimed', asset: null });
    expect((await lookUp('PRINTED-1')).status).toBe(404);
    const claimed = await app.call('POST', `assets/${id}/codes/`, { body: { code: 'PRINTED-1' } });
    expect(claimed.body).toMatchObject({ id: printed.id, asset: id, status: 'active' });
    expect((await lookUp('PRINTED-1')).body.id).toBe(id);
    expect((await app.call('POST', `assets/${other.id}/codes/`, { body: { code: 'PRINTED-1' } })).status).toBe(409);
    await app.call('PATCH', `asset-codes/${printed.id}/`, { body: { status: 'revoked' } });
    expect((await lookUp('PRINTED-1')).status).toBe(404);
    expect((await app.call('GET', `assets/${id}/codes/`)).body.results).toHaveLength(1);
  });

  it('claims a printed code by a scan that names the asset', async () => {
    const { id } = await create({ asset_tag: 'CL-1', name: 'Claimed' });
    await app.call('POST', 'asset-codes/', { body: { code: 'LABEL-9' } });
    await app.call('POST', 'scan-events/', { body: { raw_value: 'LABEL-9', asset: id } });
    expect((await app.call('GET', 'lookups/assets/?barcode=LABEL-9')).body.id).toBe(id);
  });
});
