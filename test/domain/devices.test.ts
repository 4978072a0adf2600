import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as devices from '../../src/domain/devices/service.ts';
import { commands } from '../../src/domain/resolve/commands.ts';
import { type Reply, type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase } from '../support/databases.ts';

/** Scans of one scanner, as a device host sends them: each with the state that the one before was answered with. */
class Host {
  readonly #app: TestApp;
  readonly #device: object;
  state: unknown = null;
  #clock = Date.parse('2026-03-01T08:00:00.000Z');
  /** What was sent last, to be sent again. */
  last: Record<string, unknown> = {};

  constructor(app: TestApp, device: object = {}) {
    this.#app = app;
    this.#device = { device: 'Dock 1', ...device };
  }

  /** A second after the one before, unless said. */
  async scan(raw_value: string, seconds = 1): Promise<Reply['body']> {
    this.#clock += seconds * 1_000;
    const captured_at = new Date(this.#clock).toISOString();
    return this.send({ ...this.#device, client_event_id: randomUUID(), raw_value, captured_at, state: this.state });
  }

  async send(body: Record<string, unknown>): Promise<Reply['body']> {
    this.last = body;
    const answer = await this.#app.call('POST', 'device-scans/', { role: 'operator', body });
    expect(answer.status, answer.text).toBe(200);
    this.state = answer.body.state;
    return answer.body;
  }
}

onEveryDatabase('a scanner with modes', (dialect) => {
  let app: TestApp;
  const ids: Record<string, number> = {};
  beforeAll(async () => {
    app = await testApp(dialect);
    const made = async (path: string, body: object) => (await app.call('POST', path, { body })).body.id;
    for (const tag of ['A-1', 'A-2', 'A-3', 'A-4']) ids[tag] = await made('assets/', { asset_tag: tag, name: 'Drill' });
    ids.dock = await made('locations/', { name: 'Dock', code: 'DOCK' });
    ids.room = await made('locations/', { name: 'Room 1', code: 'ROOM-1' });
    const bob = { username: 'bob', password: 'a good long pass phrase', role: 'operator', badge_code: 'BADGE-7' };
    await made('members/', { ...bob, full_name: 'Bob Brown' });
    ids.bob = (await app.call('GET', 'members/?username=bob')).body.results[0].user;
  });
  afterAll(() => app.close());

  const asset = async (tag: string) => (await app.call('GET', `assets/${ids[tag]}/`)).body;
  const actions = async (scan: number) => (await app.call('GET', `device-actions/?scan_event=${scan}`)).body.results;

  it('records until a command code says otherwise', async () => {
    const host = new Host(app, { location: 'DOCK' });
    expect(await host.scan('A-1')).toMatchObject({
      outcome: 'recorded',
      message: 'Drill (A-1)',
      repeated: false,
      mode: 'record',
      mode_until: null,
      scan: { asset: ids['A-1'], location: ids.dock, source_type: 'external_scanner', status: 'validated' },
    });
    expect(await host.scan('WHO')).toMatchObject({ outcome: 'unknown', message: expect.stringContaining('kept') });
    expect(await host.scan(']E04006381333932')).toMatchObject({ outcome: 'rejected', scan: { status: 'rejected' } });
    expect((await asset('A-1')).checked_out_at).toBeNull();
  });

  it('checks out to whose badge was scanned, checks in, and says why not', async () => {
    const host = new Host(app, { location: 'DOCK' });
    expect(await host.scan('CMD:CHECK-OUT')).toMatchObject({
      outcome: 'command',
      mode: 'check_out',
      mode_until: '2026-03-01T08:02:01.000Z',
    });
    const early = await host.scan('A-1');
    expect(early).toMatchObject({ outcome: 'refused', message: expect.stringContaining('badge first') });
    expect(await host.scan(']C0BADGE-7')).toMatchObject({
      outcome: 'badge',
      message: expect.stringMatching(/^Bob Brown/),
    });
    const out = await host.scan('A-1');
    expect(out).toMatchObject({ outcome: 'checked_out', message: 'Drill (A-1) is checked out to Bob Brown.' });
    expect(await asset('A-1')).toMatchObject({ assigned_to: ids.bob, checked_out_at: expect.any(String) });
    expect(await host.scan('A-1')).toMatchObject({ outcome: 'refused', message: expect.stringContaining('already') });
    expect(await host.scan('CMD:CHECK-IN')).toMatchObject({ mode: 'check_in' });
    expect(await host.scan('A-1')).toMatchObject({ outcome: 'checked_in' });
    expect(await asset('A-1')).toMatchObject({ assigned_to: null, current_location: ids.dock });
    expect(await host.scan('CMD:DONE')).toMatchObject({ mode: 'record', mode_until: null });
    expect((await actions(early.scan.id))[0]).toMatchObject({
      mode: 'check_out',
      outcome: 'refused',
      device: 'Dock 1',
    });
    expect((await actions(out.scan.id))[0]).toMatchObject({ outcome: 'checked_out' });
    const [record] = (await app.call('GET', `assets/${ids['A-1']}/history/`)).body.results;
    expect(record).toMatchObject({ event_type: 'assign' });
  });

  it('falls back to recording after silence, by the time of the scans', async () => {
    const host = new Host(app, { mode_timeout_s: 60 });
    await host.scan('CMD:CHECK-IN');
    expect(await host.scan('A-2', 59)).toMatchObject({ mode: 'check_in', outcome: 'refused' });
    expect(await host.scan('A-2', 61)).toMatchObject({ mode: 'record', outcome: 'recorded' });
    await host.scan('CMD:CHECK-OUT');
    await host.scan('BADGE-7');
    expect(await host.scan('A-2', 61)).toMatchObject({ mode: 'record', outcome: 'recorded' });
  });

  it('takes back the badge, then the mode', async () => {
    const host = new Host(app);
    await host.scan('CMD:CHECK-OUT');
    await host.scan('BADGE-7');
    expect(await host.scan('CMD:CANCEL')).toMatchObject({ mode: 'check_out', state: { member: null } });
    expect(await host.scan('A-2')).toMatchObject({ outcome: 'refused' });
    expect(await host.scan('CMD:CANCEL')).toMatchObject({ mode: 'record' });
  });

  it('moves to where the scanner stands, or to the place that was scanned', async () => {
    const fixed = new Host(app, { location: 'DOCK', mode: 'move_here' });
    expect(await fixed.scan('A-2')).toMatchObject({ outcome: 'moved', message: 'Drill (A-2) is here now.' });
    expect((await asset('A-2')).current_location).toBe(ids.dock);
    const carried = new Host(app);
    await carried.scan('CMD:MOVE-HERE');
    expect(await carried.scan('A-2')).toMatchObject({ outcome: 'refused', message: expect.stringContaining('place') });
    expect(await carried.scan('ROOM-1')).toMatchObject({ outcome: 'place' });
    expect(await carried.scan('A-2')).toMatchObject({ outcome: 'moved', message: 'Drill (A-2) is at Room 1 now.' });
    expect((await asset('A-2')).current_location).toBe(ids.room);
  });

  it('counts in the only stock-take that is open where it stands', async () => {
    const host = new Host(app, { location: 'ROOM-1' });
    await host.scan('CMD:STOCK-TAKE');
    expect(await host.scan('A-3')).toMatchObject({
      outcome: 'refused',
      message: expect.stringContaining('No stock-take'),
    });
    const { id } = (await app.call('POST', 'inventory-sessions/', { body: { name: 'C', location: ids.room } })).body;
    expect(await host.scan('A-3')).toMatchObject({ outcome: 'counted' });
    expect(await host.scan('STRAY')).toMatchObject({ outcome: 'unknown', message: expect.stringContaining('noted') });
    await host.send(host.last);
    const report = (await app.call('GET', `inventory-sessions/${id}/report/`)).body;
    expect(JSON.stringify(report)).toContain('STRAY');
    await app.call('POST', `inventory-sessions/${id}/close/`, {});
    const named = new Host(app, { mode: 'stock_take', session: id });
    expect(await named.scan('A-3')).toMatchObject({ outcome: 'refused', message: expect.stringContaining('closed') });
    const none = new Host(app, { mode: 'stock_take', session: 999_999 });
    expect(await none.scan('A-3')).toMatchObject({ outcome: 'refused', scan: { asset: ids['A-3'] } });
  });

  it('does nothing twice when scans come again, and is then in the mode that it was in', async () => {
    const host = new Host(app);
    const sent: Record<string, unknown>[] = [];
    for (const code of ['CMD:CHECK-OUT', 'BADGE-7', 'A-4', 'CMD:CHECK-IN', 'A-4', 'CMD:CHECK-OUT', 'BADGE-7']) {
      await host.scan(code);
      sent.push(host.last);
    }
    const before = (await app.call('GET', `assets/${ids['A-4']}/history/`)).body.results.length;
    host.state = null;
    const outcomes: string[] = [];
    for (const body of sent) {
      const answer = await host.send({ ...body, state: host.state });
      expect(answer.repeated).toBe(true);
      outcomes.push(answer.outcome);
    }
    expect(outcomes).toEqual(['command', 'badge', 'checked_out', 'command', 'checked_in', 'command', 'badge']);
    expect((await app.call('GET', `assets/${ids['A-4']}/history/`)).body.results).toHaveLength(before);
    expect(await host.scan('A-4')).toMatchObject({ outcome: 'checked_out', repeated: false });
  });

  it('tells where each scan led, save where it only records', async () => {
    const host = new Host(app, { device: 'Teller', location: 'DOCK' });
    const plain = await host.scan('A-2');
    expect(await actions(plain.scan.id)).toEqual([]);
    const command = await host.scan('CMD:CHECK-OUT');
    expect(await actions(command.scan.id)).toMatchObject([
      { outcome: 'command', mode: 'record', next_mode: 'check_out', rest_mode: 'record', subject: '' },
    ]);
    const badge = await host.scan('BADGE-7');
    expect(await actions(badge.scan.id)).toMatchObject([
      { outcome: 'badge', next_mode: 'check_out', subject: 'Bob Brown', mode_until: badge.mode_until },
    ]);
    await host.send(host.last);
    expect(await actions(badge.scan.id)).toHaveLength(1);
    const done = await host.scan('CMD:DONE');
    expect(await actions(done.scan.id)).toMatchObject([{ next_mode: 'record', mode_until: null, subject: '' }]);
  });

  it('knows what was typed from what was scanned', async () => {
    const host = new Host(app, { source_type: 'web' });
    expect((await host.scan('A-2')).scan.source_type).toBe('web');
  });

  it('does nothing with a scan that comes so late that others have moved the asset since', async () => {
    const tag = 'LATE-1';
    const { id } = (await app.call('POST', 'assets/', { body: { asset_tag: tag, name: 'Saw' } })).body;
    const queued = new Host(app, { device: 'Island', location: 'DOCK' });
    await queued.scan('CMD:CHECK-OUT');
    await queued.scan('BADGE-7');
    // Made hours before it arrives, and alone in that: it is done.
    expect(await queued.scan(tag)).toMatchObject({ outcome: 'checked_out' });
    await queued.scan('CMD:CHECK-IN');
    // Its own doing, written down only now, is no reason against what it did next.
    expect(await queued.scan(tag)).toMatchObject({ outcome: 'checked_in' });
    await app.call('POST', `assets/${id}/move/`, { body: { current_location: ids.room } });
    await queued.scan('CMD:MOVE-HERE');
    const late = await queued.scan(tag);
    expect(late).toMatchObject({ outcome: 'refused', message: expect.stringMatching(/^Too late: .*Look where it is/) });
    expect(late.scan.asset).toBe(id);
    expect((await app.call('GET', `assets/${id}/`)).body.current_location).toBe(ids.room);
    // Made just now it is newer than what the others did.
    const now = new Host(app, { device: 'Island', location: 'DOCK', mode: 'move_here' });
    const body = { device: 'Island', location: 'DOCK', mode: 'move_here', client_event_id: randomUUID() };
    const answer = await now.send({ ...body, raw_value: tag, captured_at: new Date().toISOString() });
    expect(answer.outcome).toBe('moved');
  });

  it('stores one scan that comes twice at once', async () => {
    const host = new Host(app, { mode: 'move_here', location: 'DOCK' });
    await host.scan('A-3');
    const body = { ...host.last, client_event_id: randomUUID() };
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => app.call('POST', 'device-scans/', { role: 'operator', body })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
    expect(new Set(answers.map(({ body: { scan } }) => scan.id)).size).toBe(1);
    expect(answers.filter(({ body: { repeated } }) => !repeated)).toHaveLength(1);
    expect(await actions(answers[0]!.body.scan.id)).toHaveLength(1);
  });

  it('keeps the scan when its location is not known, and says so', async () => {
    const answer = await new Host(app, { location: 'NOWHERE' }).scan('A-1');
    expect(answer).toMatchObject({
      outcome: 'recorded',
      message: expect.stringContaining('NOWHERE'),
      scan: { location: null },
    });
  });

  it('takes many scans at once as it would one by one, and once', async () => {
    await app.call('POST', 'assets/', { body: { asset_tag: 'A-9', name: 'Drill' } });
    const at = (index: number) => new Date(Date.parse('2026-03-02T08:00:00.000Z') + index * 1_000).toISOString();
    const codes = ['CMD:CHECK-OUT', 'BADGE-7', 'A-9', 'A-9', 'CMD:CHECK-IN', 'A-9', 'WHO', 'CMD:DONE', 'A-9'];
    const scans = codes.map((raw_value, index) => ({
      client_event_id: randomUUID(),
      raw_value,
      captured_at: at(index),
    }));
    const post = (body: object) =>
      app.call('POST', 'device-scans/bulk/', {
        role: 'operator',
        body: { device: 'Dock 1', location: 'DOCK', ...body },
      });
    const expected = [
      ...['command', 'badge', 'checked_out', 'refused', 'command', 'checked_in', 'unknown', 'command', 'recorded'],
    ];
    const outcomes = ({ body }: Reply) => body.results.map(({ outcome }: { outcome: string }) => outcome);
    const [first, second] = await Promise.all([post({ scans }), post({ scans })]);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect([outcomes(first), outcomes(second)]).toEqual([expected, expected]);
    const ids = first.body.results.map(({ scan }: { scan: { id: number } }) => scan.id);
    expect(ids).toEqual(ids.toSorted((one: number, other: number) => one - other));
    expect(second.body.results.map(({ scan }: { scan: { id: number } }) => scan.id)).toEqual(ids);
    for (const id of ids.slice(2, 4)) expect(await actions(id)).toHaveLength(1);
  });

  it('records none of many when one is refused, and says which', async () => {
    const scans = ['GOOD-1', 'x'.repeat(600)].map((raw_value) => ({
      client_event_id: randomUUID(),
      raw_value,
      captured_at: '2026-03-02T09:00:00.000Z',
    }));
    const { status, body } = await app.call('POST', 'device-scans/bulk/', { body: { device: 'Dock 1', scans } });
    expect([status, body]).toEqual([400, { scans: { 1: { raw_value: [expect.stringContaining('512')] } } }]);
    expect((await app.call('GET', 'scan-events/?search=GOOD-1')).body.count).toBe(0);
  });

  it('is not read while its tenant is disabled, and may stand in a place that is gone', async () => {
    const ctx = app.as('admin');
    const device = await devices.served.create(ctx, { name: 'Shed', kind: 'serial', path: '/dev/ttyS8' });
    const names = async () => (await devices.everyActive(app.database)).map(({ name }) => name);
    expect(await names()).toContain('Shed');
    await app.database.execute('UPDATE tenants SET is_active = ? WHERE id = ?', [false, ctx.tenant!.id]);
    expect(await names()).not.toContain('Shed');
    await app.database.execute('UPDATE tenants SET is_active = ? WHERE id = ?', [true, ctx.tenant!.id]);
    const scan = { client_event_id: randomUUID(), raw_value: 'A-1', captured_at: '2026-03-02T10:00:00.000Z' };
    const [answer] = await devices.recordScans(ctx, { ...device, location: 9_999 }, [scan]);
    expect(answer).toMatchObject({ outcome: 'recorded', scan: { location: null } });
  });

  it('knows every command code', async () => {
    const host = new Host(app);
    for (const code of Object.keys(commands)) expect((await host.scan(code)).outcome).toBe('command');
  });

  it('is set up by an admin, with a path and settings that fit', async () => {
    const device = { name: 'D', kind: 'hid', path: '0c2e:0901' };
    const post = (body: object) => app.call('POST', 'devices/', { body: { ...device, ...body } });
    expect((await post({ path: 'scanner' })).body).toEqual({ path: [expect.stringContaining('VENDOR:PRODUCT')] });
    expect((await post({ kind: 'tcp', path: 'tcp://host' })).body).toEqual({ path: ['Name it tcp://HOST:PORT.'] });
    expect((await post({ settings: { keyboard: 'xx', nonsense: 1 } })).body).toMatchObject({
      settings: { keyboard: [expect.stringContaining('us, uk, de, fr')] },
    });
    const { status, body } = await post({ settings: { mode: 'check_in' } });
    expect([status, body.settings]).toEqual([201, { mode: 'check_in' }]);
    const changed = await app.call('PATCH', `devices/${body.id}/`, { body: { kind: 'tcp' } });
    expect([changed.status, changed.body]).toEqual([400, { path: [expect.any(String)] }]);
    expect((await app.call('POST', 'devices/', { role: 'operator', body: device })).status).toBe(403);
  });
});
