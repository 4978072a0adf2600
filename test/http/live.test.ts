import { createSecretKey, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { unique } from '../support/samples.ts';

interface Event {
  id: string;
  event: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect.
  data: any;
}

onEveryDatabase('live data', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
  });
  afterAll(() => app.close());

  const asset = async (tenant = app.plant) =>
    (await app.call('POST', 'assets/', { tenant, body: { asset_tag: unique('L'), name: 'x' } })).body;
  const scan = async (raw_value: string) => (await app.call('POST', 'scan-events/', { body: { raw_value } })).body;

  const readerToken = () => {
    const claims = { token_type: 'access', user_id: app.userId('read_only'), jti: unique('j') };
    return jwt.sign(claims, createSecretKey(Buffer.alloc(32, 7)), { algorithm: 'HS256', expiresIn: 60 });
  };

  /** Opens the stream; `next` resolves to its next event. */
  async function open(lastId?: string, token = readerToken()) {
    const headers: Record<string, string> = { Authorization: `Bearer ${token}`, 'X-Tenant-ID': 'plant' };
    if (lastId !== undefined) headers['Last-Event-ID'] = lastId;
    const gone = new AbortController();
    const answer = await fetch(`${app.url}/api/v1/live-data/stream/`, { headers, signal: gone.signal });
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const next = async (): Promise<Event | null> => {
      for (;;) {
        const end = text.indexOf('\n\n');
        if (end >= 0) {
          const block = text.slice(0, end);
          text = text.slice(end + 2);
          const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
          const data = field('data');
          if (data) return { id: field('id')!, event: field('event') ?? 'message', data: JSON.parse(data) };
        } else {
          const { value, done } = await reader.read();
          if (done) return null;
          text += value;
        }
      }
    };
    return { status: answer.status, type: answer.headers.get('Content-Type'), next, leave: () => gone.abort() };
  }

  it('shows the newest, and only what is newer', async () => {
    const first = await asset();
    const since = new Date().toISOString();
    await sleep(5);
    const second = await asset();
    const scanned = await scan(second.asset_tag);
    await asset(app.other);
    const ids = (rows: { id: number }[]) => rows.map(({ id }) => id);
    const whole = (await app.call('GET', 'live-data/', { role: 'read_only' })).body;
    expect([ids(whole.assets).slice(0, 2), ids(whole.scan_events)]).toEqual([[second.id, first.id], [scanned.id]]);
    const newer = (await app.call('GET', `live-data/?since=${since}`)).body;
    expect([ids(newer.assets), ids(newer.scan_events)]).toEqual([[second.id], [scanned.id]]);
    await app.call('PATCH', `assets/${first.id}/`, { body: { name: 'Renamed' } });
    expect(ids((await app.call('GET', `live-data/?since=${since}`)).body.assets)).toEqual([first.id, second.id]);
    const withBlank = since.replace('Z', ' 00:00');
    expect(ids((await app.call('GET', `live-data/?since=${withBlank}`)).body.assets)).toEqual([first.id, second.id]);
    expect((await app.call('GET', 'live-data/?since=')).body.assets.length).toBeGreaterThanOrEqual(2);
    expect((await app.call('GET', 'live-data/?since=yesterday')).body).toHaveProperty('since');
  });

  it('streams what is there and then what changes, and goes on where it was left', async () => {
    const known = await asset();
    const stream = await open();
    expect([stream.status, stream.type]).toEqual([200, 'text/event-stream; charset=utf-8']);
    const begin = (await stream.next())!;
    expect(begin.data.assets[0].id).toBe(known.id);
    const made = await asset();
    const told = (await stream.next())!;
    expect(told.data.assets).toMatchObject([{ id: made.id, name: 'x' }]);
    stream.leave();
    await app.call('PATCH', `assets/${made.id}/`, { body: { name: 'Later' } });
    const scanned = await scan(made.asset_tag);
    await app.call('DELETE', `assets/${known.id}/`);
    await asset(app.other);
    const again = await open(told.id);
    const missed = (await again.next())!;
    expect(missed.event).toBe('message');
    expect(missed.data).toMatchObject({
      assets: [{ id: made.id, name: 'Later' }],
      scan_events: [{ id: scanned.id }],
      deleted_assets: [known.id],
    });
    expect(missed.data).not.toHaveProperty('cursor');
    again.leave();
    const { cursor } = (await app.call('GET', 'live-data/')).body;
    const fromThere = await open(cursor);
    expect((await fromThere.next())!.data).toEqual({
      assets: [],
      scan_events: [],
      device_actions: [],
      deleted_assets: [],
    });
    fromThere.leave();
  });

  it('tells what a mode made of a scan, and of which asset, with the scan', async () => {
    const known = await asset();
    const { cursor } = (await app.call('GET', 'live-data/')).body;
    const stream = await open(cursor);
    await stream.next();
    const sent = { device: 'Gate', mode: 'check_in', captured_at: new Date().toISOString() };
    const body = { ...sent, client_event_id: randomUUID(), raw_value: known.asset_tag };
    expect((await app.call('POST', 'device-scans/', { body })).body.outcome).toBe('refused');
    const { data } = (await stream.next())!;
    expect(data.assets).toMatchObject([{ id: known.id }]);
    expect(data.device_actions).toMatchObject([
      {
        scan_event: data.scan_events[0].id,
        device: 'Gate',
        outcome: 'refused',
        next_mode: 'check_in',
        rest_mode: 'check_in',
        mode_until: null,
      },
    ]);
    stream.leave();
    expect((await app.call('GET', 'live-data/')).body.device_actions[0]).toEqual(data.device_actions[0]);
    expect((await app.call('GET', 'live-data/', { tenant: app.other })).body.device_actions).toEqual([]);
  });

  it.each(['nonsense', 'other-epoch:3', ':5', 'x:99999999999999999999'])('begins anew after the id %s', async (id) => {
    const known = await asset();
    const stream = await open(id);
    const event = (await stream.next())!;
    expect(event.event).toBe('reset');
    expect(event.data.assets[0].id).toBe(known.id);
    stream.leave();
  });

  it('ends with the token that opened it, however busy the site is', async () => {
    const token = (await app.call('POST', 'tokens/', { body: { name: unique('screen'), role: 'read_only' } })).body;
    const stream = await open(undefined, token.token);
    await stream.next();
    const made = await asset();
    expect((await stream.next())!.data.assets).toMatchObject([{ id: made.id }]);
    expect((await app.call('DELETE', `tokens/${token.id}/`)).status).toBe(204);
    await asset();
    expect(await stream.next()).toBeNull();
  });

  it('gives the place of a stream that was left to the next one at once', async () => {
    const streams = await Promise.all(Array.from({ length: 200 }, () => open()));
    expect(streams.filter(({ status }) => status === 200)).toHaveLength(200);
    const refused = await app.call('GET', 'live-data/stream/', { role: 'operator' });
    expect([refused.status, refused.headers.get('Retry-After')]).toEqual([429, '10']);
    for (const { leave } of streams) leave();
    await sleep(200);
    const next = await open();
    expect(next.status).toBe(200);
    next.leave();
  });

  it('asks for a token and a tenant', async () => {
    expect((await app.call('GET', 'live-data/stream/', { role: null })).status).toBe(401);
    expect((await app.call('GET', 'live-data/stream/', { headers: { 'X-Tenant-ID': 'other' } })).status).toBe(403);
    expect((await app.call('POST', 'live-data/stream/', { body: {} })).status).toBe(405);
    expect((await app.call('HEAD', 'live-data/stream/')).status).toBe(200);
  });

  it('ends when the daemon stops, without waiting for whoever listens', async () => {
    const own = await testApp(dialect);
    const before = app;
    app = own;
    const stream = await open();
    await stream.next();
    app = before;
    const started = performance.now();
    await own.close();
    // It would wait ten seconds.
    expect(performance.now() - started).toBeLessThan(9_000);
    expect(await stream.next()).toBeNull();
  });
});
