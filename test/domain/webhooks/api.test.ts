import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { TestApp } from '../../support/app.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { until } from '../../support/pty.ts';
import { type Plant, plantWithApi, secret } from '../../support/webhooks.ts';

onEveryDatabase('webhooks over the API', (dialect) => {
  let app: TestApp;
  let plant: Plant;
  beforeAll(async () => {
    ({ app, plant } = await plantWithApi(dialect));
  });
  afterEach(() => plant.stop());
  afterAll(() => app.close());

  const make = async (body: object) =>
    await app.call('POST', 'webhooks/', {
      body: { name: 'Hook', url: 'http://10.0.0.1/', secret, events: ['asset.*'], ...body },
    });

  it('refuses at once what can never be sent to', async () => {
    for (const url of [
      'http://169.254.169.254/',
      'http://[::ffff:a9fe:a9fe]/x',
      'http://2852039166/',
      'http://[64:ff9b::a9fe:a9fe]/',
    ]) {
      const { status, body } = await make({ url });
      expect([status, body.url[0]]).toEqual([400, expect.stringContaining('never sent to')]);
    }
    expect((await make({ url: 'http://127.0.0.1/' })).status).toBe(201);
  });

  it('keeps headers of an endpoint to itself, and lets none stand in for its own', async () => {
    const { body } = await make({ headers: { Authorization: 'Bearer abc' } });
    expect([body.header_names, body.headers]).toEqual([['Authorization'], undefined]);
    for (const name of [
      'X-Assetra-Signature',
      'webhook-id',
      'Host',
      'content-length',
      'Transfer-Encoding',
      'a b',
      'x\n',
    ])
      expect(Object.keys((await make({ headers: { [name]: 'x' } })).body)).toEqual(['headers']);
    expect((await make({ headers: { 'X-Key': 'a\r\nHost: evil' } })).status).toBe(400);
    expect((await app.call('PATCH', `webhooks/${body.id}/`, { body: { name: 'Same' } })).body.header_names).toEqual([
      'Authorization',
    ]);
    expect((await app.call('PATCH', `webhooks/${body.id}/`, { body: { headers: {} } })).body.header_names).toEqual([]);
  });

  it('gives the lane of an endpoint what the endpoint says', async () => {
    const { body } = await make({ max_in_flight: 2, rate_per_s: 0.5, ordered: true });
    const lane = async () =>
      (
        await app.database.query(
          'SELECT l.* FROM job_lanes l JOIN webhook_endpoints e ON e.lane_id = l.id WHERE e.id = ?',
          [body.id],
        )
      )[0]!;
    expect(await lane()).toMatchObject({ max_in_flight: 2, rate_per_s: 0.5 });
    expect(Boolean((await lane()).ordered)).toBe(true);
    await app.call('PATCH', `webhooks/${body.id}/`, { body: { max_in_flight: 9, rate_per_s: null, ordered: false } });
    expect(await lane()).toMatchObject({ max_in_flight: 9, rate_per_s: null });
    for (const wrong of [{ max_in_flight: 0 }, { rate_per_s: 0 }, { rate_per_s: -1 }])
      expect(Object.keys((await app.call('PATCH', `webhooks/${body.id}/`, { body: wrong })).body)).toEqual(
        Object.keys(wrong),
      );
  });

  const signaturesNow = async (endpoint: number, sink: { received: { headers: Record<string, string> }[] }) => {
    const before = sink.received.length;
    await plant.raise([before + 1]);
    await plant.settled(endpoint);
    const { headers } = sink.received.at(-1)!;
    const named = ['x-assetra-signature', 'x-assetra-signature-next', 'x-assetra-signature-previous'];
    return {
      names: named.filter((name) => headers[name] !== undefined),
      count: headers['webhook-signature']!.split(' ').length,
    };
  };

  it('rotates a secret so that each receiver can follow in its own time', async () => {
    const { sink, endpoint } = await plant.target();
    await plant.work();
    const rotate = (body: object = {}) => app.call('POST', `webhooks/${endpoint.id}/rotate/`, { body });
    const { status, body } = await rotate();
    expect([status, body.state, body.endpoint]).toEqual([200, 'next', endpoint.id]);
    expect(body.secret).toMatch(/^[\w-]{43}$/);
    expect(Date.parse(body.promotes_at) - Date.now()).toBeGreaterThan(86_300_000);
    expect(await signaturesNow(endpoint.id, sink)).toEqual({
      names: ['x-assetra-signature', 'x-assetra-signature-next'],
      count: 2,
    });
    // The old receiver, which knows one secret and one header, still takes it.
    expect(sink.received.at(-1)).toMatchObject({ signature: true, standard_signature: true });
    expect((await rotate()).status).toBe(409);
    const promoted = await app.call('POST', `webhooks/${endpoint.id}/promote/`);
    expect(promoted.body).toMatchObject({ state: 'current', promotes_at: null });
    expect(promoted.body).not.toHaveProperty('secret');
    expect(await signaturesNow(endpoint.id, sink)).toEqual({
      names: ['x-assetra-signature', 'x-assetra-signature-previous'],
      count: 2,
    });
    expect(sink.received.at(-1)).toMatchObject({ signature: false, standard_signature: true });
    expect((await app.call('POST', `webhooks/${endpoint.id}/promote/`)).status).toBe(409);
    expect((await rotate({ secret, now: true })).body).not.toHaveProperty('secret');
    expect(await signaturesNow(endpoint.id, sink)).toEqual({ names: ['x-assetra-signature'], count: 1 });
    expect(sink.received.at(-1)).toMatchObject({ signature: true, standard_signature: true });
  });

  it('promotes by itself after a day, and forgets the old one a day later', async () => {
    const { sink, endpoint } = await plant.target();
    await plant.work();
    await app.call('POST', `webhooks/${endpoint.id}/rotate/`, { body: { secret: 'new' } });
    const ago = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
    const age = (hours: number) =>
      app.database.execute('UPDATE webhook_endpoints SET next_promotes_at = ? WHERE id = ?', [ago(hours), endpoint.id]);
    await age(1);
    expect((await signaturesNow(endpoint.id, sink)).names).toEqual([
      'x-assetra-signature',
      'x-assetra-signature-previous',
    ]);
    await age(25);
    expect((await signaturesNow(endpoint.id, sink)).names).toEqual(['x-assetra-signature']);
    expect(sink.received.at(-1)!.signature).toBe(false);
  });

  it('keeps no secret in the clear, in no column, and rotates none of an inbound endpoint', async () => {
    const { endpoint } = await plant.target();
    await app.call('POST', `webhooks/${endpoint.id}/rotate/`, { body: { secret: 'very-secret-words' } });
    const rows = JSON.stringify(await app.database.query('SELECT * FROM webhook_endpoints'));
    expect(rows).not.toContain('very-secret-words');
    const inbound = (await make({ direction: 'inbound', url: '' })).body;
    expect((await app.call('POST', `webhooks/${inbound.id}/rotate/`, { body: {} })).status).toBe(400);
  });

  it('replays one: the same message, attempts counted anew, the old ones kept', async () => {
    const { sink, endpoint } = await plant.target('500', { max_attempts: 2 });
    await plant.work({}, { redriveHours: 0, disableDays: 0 });
    await plant.raise([1]);
    const [dead] = await plant.settled(endpoint.id);
    sink.mode = 'ok';
    const { status, body } = await app.call('POST', `webhook-deliveries/${dead!.id}/replay/`);
    expect([status, body.status, body.attempt_count, body.reason]).toEqual([202, 'pending', 0, '']);
    expect(await plant.settled(endpoint.id)).toMatchObject([{ status: 'success', attempt_count: 1 }]);
    expect(new Set(sink.received.map(({ id }) => id)).size).toBe(1);
    const attempts = (await app.call('GET', `webhook-deliveries/${dead!.id}/attempts/`)).body.results;
    expect(
      attempts.map((one: { round: number; attempt: number; reason: string }) => [one.round, one.attempt, one.reason]),
    ).toEqual([
      [0, 1, 'http_5xx'],
      [0, 2, 'http_5xx'],
      [1, 1, ''],
    ]);
    await app.call('PATCH', `webhooks/${endpoint.id}/`, { body: { is_active: false } });
    expect((await app.call('POST', `webhook-deliveries/${dead!.id}/replay/`)).status).toBe(409);
  });

  it('a replay of what is still tried makes no second series of attempts', async () => {
    const { sink, endpoint } = await plant.target('500', { max_attempts: 3 });
    await plant.work({}, { redriveHours: 0, disableDays: 0 });
    await plant.raise([1]);
    await until(async () => (await plant.deliveries(endpoint.id))[0]!.attempt_count === 1, 'an attempt');
    const { id } = (await plant.deliveries(endpoint.id))[0]!;
    const all = await Promise.all([1, 2, 3].map(() => app.call('POST', `webhook-deliveries/${id}/replay/`)));
    expect(all.map(({ status }) => status)).toEqual([202, 202, 202]);
    expect(await plant.settled(endpoint.id)).toMatchObject([{ status: 'dead_letter', attempt_count: 3, round: 3 }]);
    await until(async () => (await app.database.query('SELECT id FROM jobs')).length === 0, 'all jobs to be done');
    // One before, three of the last round, and what another round had begun before the next one came.
    expect(sink.received.length).toBeLessThanOrEqual(6);
  });

  it('replays many by a job that tells how far it is', async () => {
    const { sink, endpoint } = await plant.target('410');
    const { endpoint: other } = await plant.target('410');
    await plant.work({}, { redriveHours: 0, disableDays: 0 });
    await plant.raise(Array.from({ length: 450 }, (_, n) => n));
    for (const { id } of [endpoint, other]) await plant.settled(id, { patience: 90_000 });
    sink.mode = 'ok';
    sink.received.length = 0;
    await app.call('PATCH', `webhooks/${endpoint.id}/`, { body: { is_active: true } });
    const filter = { endpoint: endpoint.id, event_name: 'asset.created', since: '2020-01-01T00:00:00Z' };
    const replay = (body: object) => app.call('POST', 'webhook-deliveries/replay/', { body });
    const dry = await replay({ ...filter, dry_run: true });
    expect([dry.status, dry.body]).toEqual([200, { dry_run: true, count: 450 }]);
    expect((await replay({ ...filter, until: '2020-01-01T00:00:00Z', dry_run: true })).body.count).toBe(0);
    expect(sink.received).toEqual([]);
    const { status, body } = await replay(filter);
    expect([status, body.total, body.done]).toEqual([202, 450, 0]);
    const see = async () => (await app.call('GET', `webhook-deliveries/replay/${body.job}/`)).body;
    await until(async () => (await see()).status === 'done', 'the replay');
    await plant.settled(endpoint.id);
    expect(
      (await plant.deliveries(endpoint.id))
        .filter(({ event_name }) => event_name === 'asset.created')
        .every(({ status }) => status === 'success'),
    ).toBe(true);
    expect(sink.received).toHaveLength(450);
    expect((await plant.deliveries(other.id)).every(({ status }) => status === 'dead_letter')).toBe(true);
    expect((await app.call('GET', `webhook-deliveries/replay/${body.job}/`, { tenant: app.other })).status).toBe(403);
    expect((await app.call('DELETE', `webhook-deliveries/replay/${body.job}/`)).status).toBe(409);
    expect((await app.call('GET', 'webhook-deliveries/replay/999999/')).status).toBe(404);
  }, 120_000);

  it('ends a replay that is cancelled, and names what a filter must say', async () => {
    const { endpoint } = await plant.target('410');
    const force = await plant.work();
    await plant.raise([1, 2, 3]);
    await plant.settled(endpoint.id);
    await force.stop();
    const { body } = await app.call('POST', 'webhook-deliveries/replay/', { body: { endpoint: endpoint.id } });
    expect((await app.call('DELETE', `webhook-deliveries/replay/${body.job}/`)).status).toBe(204);
    expect((await app.call('GET', `webhook-deliveries/replay/${body.job}/`)).body).toMatchObject({
      status: 'cancelled',
      done: 0,
    });
    for (const wrong of [{ status: 'pending' }, { status: 'success' }, { since: 'yesterday' }, { endpoint: 'x' }])
      expect((await app.call('POST', 'webhook-deliveries/replay/', { body: wrong })).status).toBe(400);
    expect((await app.call('POST', 'webhook-deliveries/replay/', { role: 'operator', body: {} })).status).toBe(403);
  });
});
