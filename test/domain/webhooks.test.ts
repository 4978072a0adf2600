import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { wants } from '../../src/domain/outbox/service.ts';
import { type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { unique } from '../support/samples.ts';

onEveryDatabase('webhooks', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
  });
  afterAll(() => app.close());

  const make = async (body: object, tenant = app.plant) =>
    (await app.call('POST', 'webhooks/', { tenant, body: { name: unique('W'), ...body } })).body;
  const outbound = { url: 'https://example.org/hook' };
  const stored = async (id: number) =>
    (
      await app.database.query<{ sealed: string | null }>(
        'SELECT secret_sealed AS sealed FROM webhook_endpoints WHERE id = ?',
        [id],
      )
    )[0]!.sealed;

  it('makes a secret for an outbound endpoint, shows it once, and keeps it sealed', async () => {
    const { id, secret, ...row } = await make(outbound);
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(row).toMatchObject({ direction: 'outbound', max_attempts: 5, is_active: true, last_delivery_at: null });
    const read = await app.call('GET', `webhooks/${id}/`);
    for (const { text } of [read, await app.call('GET', 'webhooks/'), await app.call('GET', 'webhooks/?format=csv')])
      expect(text).not.toContain('secret');
    expect(await stored(id)).toMatch(/^v1\./);
    expect(await stored(id)).not.toContain(secret);
  });

  it('takes a secret of any length, never answers it, and keeps it when it is left out', async () => {
    for (const secret of ['x', 'ä'.repeat(5_000)])
      expect(await make({ ...outbound, secret })).not.toHaveProperty('secret');
    const { id } = await make({ ...outbound, secret: 'first' });
    const before = await stored(id);
    for (const body of [{ name: 'Renamed' }, { secret: '' }, { secret: null }])
      expect((await app.call('PATCH', `webhooks/${id}/`, { body })).status).toBe(200);
    await app.call('PUT', `webhooks/${id}/`, { body: { name: 'Whole', ...outbound } });
    expect(await stored(id)).toBe(before);
    expect((await app.call('PATCH', `webhooks/${id}/`, { body: { secret: 'second' } })).text).not.toContain('second');
    expect(await stored(id)).not.toBe(before);
  });

  it('keeps no made secret in the clear for a repeated request either', async () => {
    const call = () =>
      app.call('POST', 'webhooks/', { body: { name: 'Once', ...outbound }, headers: { 'Idempotency-Key': 'hook-1' } });
    const [first, again] = [await call(), await call()];
    expect(again.body).toEqual(first.body);
    const rows = await app.database.query<{ body: string }>('SELECT body FROM idempotency_keys');
    for (const { body } of rows) expect(body).not.toContain(first.body.secret);
  });

  it.each(['', 'hook', 'ftp://example.org', 'https://user:pass@example.org', 'javascript:alert(1)'])(
    'refuses to send to "%s"',
    async (url) => expect(Object.keys(await make({ url }))).toEqual(['url']),
  );

  it('refuses an event of ours that will never come, and takes groups and names of others', async () => {
    const events = ['asset.created', 'asset.creatd', 'scan.*', '*', 'Printer.attention', 'order.ready', 'sync'];
    const refused = await app.call('POST', 'webhooks/', { body: { name: 'x', ...outbound, events } });
    expect([refused.status, Object.keys(refused.body.events)]).toEqual([400, ['1', '4']]);
    expect(refused.body.events[1][0]).toContain('asset.created, asset.updated');
    const taken = events.filter((_, index) => index !== 1 && index !== 4);
    const endpoint = await make({ ...outbound, events: taken });
    expect(endpoint.events).toEqual(taken);
    const changed = await app.call('PATCH', `webhooks/${endpoint.id}/`, { body: { events: ['batch.made'] } });
    expect(Object.keys(changed.body.events)).toEqual(['0']);
    expect((await make({ direction: 'inbound', events: ['asset.creatd'] })).events).toEqual(['asset.creatd']);
  });

  it.each([
    [[], 'asset.created', true],
    [['*'], 'order.ready', true],
    [['asset.*'], 'asset.moved', true],
    [['asset.*'], 'assets.moved', false],
    [['scan.created'], 'scan.rejected', false],
    [['sync'], 'sync', true],
  ])('an endpoint for %j and %s: %s', (events, name, wanted) => expect(wants(events, name)).toBe(wanted));

  it('reads an empty filter as none, and names its own among those that it knows', async () => {
    const all = (await app.call('GET', 'webhooks/')).body.count;
    expect((await app.call('GET', 'webhooks/?status=')).body.count).toBe(all);
    expect((await app.call('GET', 'webhooks/?state=x')).body.state[0]).toContain('is_active, status, page');
  });

  it('lets an operator make endpoints, and only an admin change them', async () => {
    const body = { name: unique('W'), ...outbound };
    const { status, body: row } = await app.call('POST', 'webhooks/', { role: 'operator', body });
    expect(status).toBe(201);
    expect((await app.call('PATCH', `webhooks/${row.id}/`, { role: 'operator', body: {} })).status).toBe(403);
    const turned = await app.call('PATCH', `webhooks/${row.id}/`, { body: { direction: 'inbound' } });
    expect(Object.keys(turned.body)).toEqual(['direction']);
  });

  const told = (endpoint_id: number, more: object = {}) => ({
    endpoint_id,
    event_name: 'order.created',
    payload: { n: 1 },
    ...more,
  });

  it('takes what is told with a token', async () => {
    const { id, secret } = await make({ direction: 'inbound' });
    expect(secret).toBeUndefined();
    const answer = await app.call('POST', 'webhooks/inbound/', { role: 'operator', body: told(id) });
    expect([answer.status, answer.body.status]).toEqual([202, 'accepted']);
    const delivery = (await app.call('GET', `webhook-deliveries/${answer.body.delivery_id}/`)).body;
    expect(delivery).toMatchObject({ endpoint: id, event_name: 'order.created', payload: { n: 1 }, status: 'success' });
    const endpoint = (await app.call('GET', `webhooks/${id}/`)).body;
    expect(endpoint.last_delivery_at).toBe(delivery.delivered_at);
    expect((await app.call('POST', 'webhooks/inbound/', { role: 'read_only', body: told(id) })).status).toBe(403);
  });

  it('refuses what no inbound endpoint of the tenant is there for, on its field', async () => {
    const other = await make({ direction: 'inbound' }, app.other);
    const disabled = await make({ direction: 'inbound', is_active: false });
    const out = await make(outbound);
    const unknown = await app.call('POST', 'webhooks/inbound/', { body: told(999_999_999) });
    for (const { id } of [other, disabled, out]) {
      const { status, body } = await app.call('POST', 'webhooks/inbound/', { body: told(id) });
      expect([status, Object.keys(body)]).toEqual([400, ['endpoint_id']]);
    }
    expect((await app.call('POST', 'webhooks/inbound/', { body: told(other.id) })).body).toEqual(unknown.body);
  });

  const sign = (raw: string, secret: string, at = Math.floor(Date.now() / 1000)) => ({
    'X-Assetra-Timestamp': String(at),
    'X-Assetra-Signature': `sha256=${createHmac('sha256', secret).update(`${at}.${raw}`).digest('hex')}`,
  });
  const send = (raw: string | Buffer, headers: Record<string, string>) =>
    app.call('POST', 'webhooks/inbound/', { role: null, raw, headers: { 'X-Tenant-ID': '', ...headers } });

  it('takes what is signed with the secret of the endpoint, without a token, once', async () => {
    const { id } = await make({ direction: 'inbound', secret: 'hush' }, app.other);
    const raw = ` ${JSON.stringify(told(id))}\n`;
    const headers = sign(raw, 'hush');
    const [first, ...again] = await Promise.all([send(raw, headers), send(raw, headers), send(raw, headers)]);
    expect([first!.status, first!.body.status]).toEqual([202, 'accepted']);
    for (const { status, body } of again) expect([status, body]).toEqual([202, first!.body]);
    const listed = await app.call('GET', `webhook-deliveries/?endpoint=${id}`, { tenant: app.other });
    expect(listed.body.results.map((row: { id: number }) => row.id)).toEqual([first!.body.delivery_id]);
  });

  it('refuses a signed message that is nested too deep, or no JSON', async () => {
    const { id } = await make({ direction: 'inbound', secret: 'hush' });
    const deep = (levels: number) =>
      `{"endpoint_id":${id},"event_name":"x","payload":${'{"a":'.repeat(levels)}1${'}'.repeat(levels + 1)}`;
    for (const raw of [deep(100), deep(50_000), '{', ''])
      expect([raw.length, (await send(raw, sign(raw, 'hush'))).status]).toEqual([raw.length, 400]);
    expect((await send(deep(40), sign(deep(40), 'hush'))).status).toBe(202);
  });

  it('takes one for an endpoint with the longest name that there may be', async () => {
    for (const name of ['n'.repeat(200), `${'n'.repeat(191)}${'\u{1f4e6}'.repeat(4)}`]) {
      const { id } = await make({ direction: 'inbound', secret: 'hush', name });
      const raw = JSON.stringify(told(id));
      expect((await send(raw, sign(raw, 'hush'))).status).toBe(202);
    }
  });

  it('refuses a signature that is wrong, late or of no one, all alike', async () => {
    const { id } = await make({ direction: 'inbound', secret: 'hush' });
    const { id: unsigned } = await make({ direction: 'inbound' });
    const raw = JSON.stringify(told(id));
    const late = Math.floor(Date.now() / 1000) - 400;
    const refused = [
      await send(raw, sign(raw, 'wrong')),
      await send(`${raw} `, sign(raw, 'hush')),
      await send(raw, sign(raw, 'hush', late)),
      await send(raw, { ...sign(raw, 'hush'), 'X-Assetra-Timestamp': 'now' }),
      await send(raw, { ...sign(raw, 'hush'), 'X-Assetra-Signature': 'sha256=' }),
      await send(JSON.stringify(told(unsigned)), sign(JSON.stringify(told(unsigned)), '')),
      await send(JSON.stringify(told(999_999)), sign(JSON.stringify(told(999_999)), 'hush')),
    ];
    for (const { status, body } of refused) expect([status, body]).toEqual([401, refused[0]!.body]);
    expect((await send(raw, {})).body).toEqual({ detail: 'Authentication credentials were not provided.' });
    for (const [broken, status] of [
      ['{', 400],
      ['[]', 400],
      ['"\\ud800"', 400],
    ] as const)
      expect((await send(broken, sign(broken, 'hush'))).status).toBe(status);
    expect((await send(raw, { ...sign(raw, 'hush'), 'Content-Type': 'text/plain' })).status).toBe(415);
    const big = Buffer.alloc(2 * 1024 * 1024, 'x');
    expect((await send(big, sign('', 'hush'))).status).toBe(413);
    await app.database.execute('UPDATE tenants SET is_active = ? WHERE id = ?', [false, app.plant.id]);
    expect((await send(raw, sign(raw, 'hush'))).status).toBe(401);
    await app.database.execute('UPDATE tenants SET is_active = ? WHERE id = ?', [true, app.plant.id]);
    expect((await app.call('GET', `webhook-deliveries/?endpoint=${id}`)).body.count).toBe(0);
  });

  it('lists the endpoints with dead letters, each with its newest', async () => {
    const { id } = await make(outbound);
    const { id: sound } = await make(outbound);
    const insert = (endpoint: number, status: string) =>
      app.database.insert('webhook_deliveries', {
        ...{ tenant_id: app.plant.id, endpoint_id: endpoint, event_name: 'asset.created', payload: '{}', status },
        ...{ response_code: 500, response_body: 'no', attempt_count: 5, last_error: 'HTTP 500' },
        ...{ created_at: '2026-01-01T00:00:00.000Z', updated_at: '2026-01-01T00:00:00.000Z' },
      });
    for (let count = 0; count < 25; count += 1) await insert(id, 'dead_letter');
    await insert(sound, 'success');
    const { body } = await app.call('GET', 'webhooks/?status=dead_letter');
    expect([body.count, body.results[0].id]).toEqual([1, id]);
    expect(body.results[0].dead_letters).toHaveLength(20);
    expect(body.results[0].dead_letters[0]).toMatchObject({
      endpoint: id,
      status: 'dead_letter',
      last_error: 'HTTP 500',
    });
    expect((await app.call('GET', 'webhooks/?status=failed')).body.count).toBe(0);
    expect((await app.call('GET', 'webhooks/?status=odd')).status).toBe(400);
    const dead = await app.call(
      'GET',
      `webhook-deliveries/?status=dead_letter&event_name=asset.created&endpoint=${id}`,
    );
    expect(dead.body.count).toBe(25);
    expect((await app.call('GET', 'webhook-deliveries/?status=failed')).body.count).toBe(0);
    expect((await app.call('DELETE', `webhooks/${id}/`)).status).toBe(204);
    expect((await app.call('GET', `webhook-deliveries/?endpoint=${id}`)).body.count).toBe(0);
  });
});
