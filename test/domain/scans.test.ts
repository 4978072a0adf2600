import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import * as devices from '../../src/domain/devices/service.ts';
import { rememberUrl } from '../../src/domain/resolve/service.ts';
import { type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase } from '../support/databases.ts';

onEveryDatabase('scans', (dialect) => {
  let app: TestApp;
  const ids: Record<string, number> = {};
  beforeAll(async () => {
    app = await testApp(dialect);
    const asset = async (body: object) => (await app.call('POST', 'assets/', { body: { name: 'x', ...body } })).body.id;
    ids.tag = await asset({ asset_tag: 'A-1' });
    ids.value = await asset({ asset_tag: 'A-2', barcode_value: '0036000291452' });
    ids.giai = await asset({ asset_tag: '9521234ABC' });
    ids.piece = await asset({ asset_tag: 'A-4', barcode_value: '(01)09521234543213(21)7' });
    await app.call('POST', 'asset-codes/', { body: { code: 'EXTRA', asset: ids.tag } });
    await app.call('POST', 'asset-codes/', { body: { code: 'snipeit:12', asset: ids.value } });
    await app.call('POST', 'locations/', { body: { name: 'Room', code: 'ROOM-1' } });
    const ctx = { ...app.as('admin'), log: silentLog };
    await rememberUrl(ctx, 'https://assets.old.example/base');
  });
  afterAll(() => app.close());

  const scan = (body: object) => app.call('POST', 'scan-events/', { role: 'operator', body });

  it('are validated, find their asset, and leave a record of it', async () => {
    const { status, body } = await scan({
      raw_value: ']C0A-1',
      source_type: 'camera',
      gps_latitude: '52.52',
      gps_longitude: 13.4,
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      asset: ids.tag,
      status: 'validated',
      validation_errors: [],
      scanner: app.userId('operator'),
      gps_latitude: '52.520000',
      gps_longitude: '13.400000',
      decoded_payload: { symbology: 'code128', value: 'A-1', aim_id: ']C0' },
    });
    const [record] = (await app.call('GET', `assets/${ids.tag}/history/`)).body.results;
    expect(record).toMatchObject({
      event_type: 'scan',
      gps_latitude: '52.520000',
      new_state: { scan_event: body.id, raw_value: ']C0A-1' },
    });
  });

  it.each([
    ['a registered code', 'EXTRA', 'tag'],
    ['a tag', 'A-1', 'tag'],
    ['blanks around it', ' A-1 ', 'tag'],
    ['UPC-A as a scanner announces it', ']E00036000291452', 'value'],
    ['UPC-A itself', '036000291452', 'value'],
    ['a GIAI', ']C180049521234ABC', 'giai'],
    ['a GTIN with serial', '0109521234543213217', 'piece'],
    ['a GS1 web address', 'https://id.gs1.org/01/09521234543213/21/7', 'piece'],
    ['a label URL of a former address', 'https://assets.old.example/base/a/A-1', 'tag'],
    ['a Snipe-IT tag', 'https://snipe.example/ht/A-1', 'tag'],
    ['a Snipe-IT id that was imported', 'https://snipe.example/hardware/12', 'value'],
  ])('resolve %s', async (_, raw, key) => {
    const { status, body } = await app.call('GET', `lookups/assets/?barcode=${encodeURIComponent(raw)}`, {
      role: 'read_only',
    });
    expect([status, body.id]).toEqual([200, ids[key]]);
  });

  it.each([
    ['unknown', 'nothing', 'Asset not found.'],
    ['a location', 'ROOM-1', 'location'],
    ['a command', 'CMD:CHECK-OUT', 'command'],
    ['an URL of a stranger', 'https://stranger.example/a/A-1', 'Asset not found.'],
    ['a Snipe-IT id that was not imported', 'https://snipe.example/hardware/13', 'Asset not found.'],
    ['another piece of the article', '(01)09521234543213(21)8', 'Asset not found.'],
  ])('say that a code is %s', async (_, raw, text) => {
    const { status, body } = await app.call('GET', `lookups/assets/?barcode=${encodeURIComponent(raw)}`);
    expect([status, body.detail]).toEqual([404, expect.stringContaining(text)]);
  });

  it('ask for the barcode in the words that old clients show', async () => {
    const { status, body } = await app.call('GET', 'lookups/assets/');
    expect([status, body]).toEqual([400, { detail: 'barcode query param is required' }]);
  });

  it('have the symbology that the AIM identifier tells, unless the client named one', async () => {
    const told = await scan({ raw_value: ']C1010950600013435217260101' });
    expect(told.body).toMatchObject({ symbology: 'gs1', status: 'validated' });
    expect((await scan({ raw_value: ']Q1TOLD' })).body.symbology).toBe('qr');
    expect((await scan({ raw_value: 'UNTOLD' })).body.symbology).toBe('unknown');
  });

  it('are stored when they are rejected, and without an asset when they name none', async () => {
    const wrong = await scan({ symbology: 'ean13', raw_value: '4006381333930' });
    expect([wrong.status, wrong.body.status]).toEqual([201, 'rejected']);
    expect(wrong.body.validation_errors).toHaveLength(1);
    const unknown = await scan({ raw_value: 'NOBODY' });
    expect(unknown.body).toMatchObject({ status: 'validated', asset: null });
  });

  it('with one client_event_id are one, however often and however many at once', async () => {
    const client_event_id = randomUUID();
    const first = await scan({ client_event_id, raw_value: 'A-1', captured_at: '2026-01-01T12:00:00+01:00' });
    expect(first.body).toMatchObject({
      offline_captured_at: '2026-01-01T11:00:00.000Z',
      synced_at: expect.any(String),
    });
    const again = await scan({ client_event_id: client_event_id.toUpperCase(), raw_value: 'A-1' });
    expect([again.status, again.body.id]).toEqual([200, first.body.id]);
    expect((await scan({ client_event_id, raw_value: 'A-2' })).status).toBe(409);
    const racing = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => scan({ client_event_id: racing, raw_value: 'A-2' })),
    );
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  });

  it('of the other tenant may use the same client_event_id', async () => {
    const client_event_id = randomUUID();
    await scan({ client_event_id, raw_value: 'A-1' });
    const other = await app.call('POST', 'scan-events/', {
      tenant: app.other,
      body: { client_event_id, raw_value: 'A-1' },
    });
    expect([other.status, other.body.asset]).toEqual([201, null]);
  });

  it('cannot be changed or deleted', async () => {
    const { body } = await scan({ raw_value: 'A-1' });
    for (const method of ['PUT', 'PATCH', 'DELETE'])
      expect((await app.call(method, `scan-events/${body.id}/`, { body: {} })).status).toBe(405);
  });

  it('of an attached scanner are recorded in its name, at its location', async () => {
    const ctx = app.as('admin');
    const location = (await app.call('GET', 'locations/?code=ROOM-1')).body.results[0].id;
    const device = await devices.served.create(ctx, { name: 'Dock 3', kind: 'serial', path: '/dev/ttyS9', location });
    const at = { client_event_id: randomUUID(), raw_value: 'A-1', captured_at: '2026-01-01T00:00:00.000Z' };
    const stored = (await devices.recordScans(ctx, device, [at]))[0]!.scan;
    await devices.recordScans(ctx, device, [at]);
    expect(stored).toMatchObject({
      source_type: 'external_scanner',
      location,
      asset: ids.tag,
      scanner: null,
      scanner_label: 'device:Dock 3',
    });
    expect((await app.call('GET', `scan-events/?client_event_id=${at.client_event_id}`)).body.count).toBe(1);
    expect((await devices.everyActive(app.database)).map(({ name }) => name)).toContain('Dock 3');
  });
});
