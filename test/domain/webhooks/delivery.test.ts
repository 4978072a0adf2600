import { pino } from 'pino';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { AddressPolicy } from '../../../src/base/address-policy.ts';
import type { Mode } from '../../../src/cli/simulate/receiver.ts';
import * as webhooks from '../../../src/domain/webhooks/service.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { until } from '../../support/pty.ts';
import { testSite } from '../../support/site.ts';
import { Plant, secret } from '../../support/webhooks.ts';

onEveryDatabase('delivering webhooks', (dialect) => {
  let plant: Plant;
  beforeAll(async () => {
    plant = new Plant(await testSite(dialect));
  });
  afterEach(() => plant.stop());
  afterAll(() => plant.site.close());

  it('sends the event as it is stored, signed in both ways, and writes down what came of it', async () => {
    const { sink, endpoint } = await plant.target('ok', { headers: { 'X-Api-Key': 'abc' } });
    await plant.work();
    await plant.raise([7]);
    const [delivery] = await plant.settled(endpoint.id);
    const [message] = sink.received;
    expect(sink.received).toHaveLength(1);
    expect(message).toMatchObject({ event: 'asset.created', signature: true, standard_signature: true, attempt: 1 });
    expect(message!.delivery).toBe(String(delivery!.id));
    expect(message!.headers).toMatchObject({ 'content-type': 'application/json', 'x-api-key': 'abc' });
    expect(JSON.parse(message!.body)).toMatchObject({ event: 'asset.created', asset_id: 7, data: { n: 7 } });
    const verified = new Webhook(webhooks.standardSecret(secret)).verify(message!.body, message!.headers);
    expect(verified).toEqual(JSON.parse(message!.body));
    expect(delivery).toMatchObject({
      status: 'success',
      attempt_count: 1,
      response_code: 200,
      response_body: 'ok',
      reason: '',
    });
    expect(delivery!.delivered_at).not.toBeNull();
    expect(await plant.attempts(delivery!.id)).toMatchObject([
      { attempt: 1, response_code: 200, ip: '127.0.0.1', round: 0 },
    ]);
    const shown = await webhooks.servedDeliveries.get(plant.ctx, delivery!.id as number);
    expect(shown.payload).toEqual(JSON.parse(message!.body));
    const { last_delivery_at } = await webhooks.servedEndpoints.get(plant.ctx, endpoint.id);
    expect(last_delivery_at! >= (delivery!.delivered_at as string)).toBe(true);
    expect(await plant.site.database.query('SELECT id FROM jobs')).toEqual([]);
  });

  it('tells what waits, with the body that will be sent', async () => {
    const { endpoint } = await plant.target();
    await plant.raise([1], { data: { id: 1, note: 'a "sequence":? in it, and \u{1f4e6}' } });
    const [delivery] = await plant.deliveries(endpoint.id);
    const shown = await webhooks.servedDeliveries.get(plant.ctx, delivery!.id as number);
    expect(shown).toMatchObject({
      status: 'pending',
      payload: { data: { note: 'a "sequence":? in it, and \u{1f4e6}' } },
    });
  });

  it('sends again what fails, under the same ids, until it is given up', async () => {
    const { sink, endpoint } = await plant.target('500', { max_attempts: 3 });
    const { sink: news } = await plant.target('ok', { events: ['webhook.dead_lettered'] });
    await plant.work();
    await plant.raise([1]);
    await until(() => sink.received.length === 1, 'the first attempt');
    await until(async () => (await plant.deliveries(endpoint.id))[0]!.attempt_count === 1, 'its outcome');
    const [waiting] = await plant.deliveries(endpoint.id);
    expect(waiting).toMatchObject({
      status: 'pending',
      reason: 'http_5xx',
      last_error: 'HTTP 500',
      response_body: 'Broken',
    });
    const wait = Date.parse(waiting!.next_attempt_at as string) - Date.parse(waiting!.updated_at as string);
    expect(wait).toBeGreaterThanOrEqual(5_000);
    expect(wait).toBeLessThanOrEqual(5_500);
    const [dead] = await plant.settled(endpoint.id);
    expect(dead).toMatchObject({ status: 'dead_letter', reason: 'http_5xx', attempt_count: 3, next_attempt_at: null });
    expect(sink.received.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    for (const key of ['id', 'delivery', 'body'] as const)
      expect(new Set(sink.received.map((one) => one[key])).size).toBe(1);
    expect(sink.received.every(({ signature, standard_signature }) => signature && standard_signature)).toBe(true);
    await until(() => news.received.length === 1, 'the news of it');
    expect(JSON.parse(news.received[0]!.body)).toMatchObject({
      event: 'webhook.dead_lettered',
      webhook_delivery_id: dead!.id,
      sequence: expect.any(Number),
      data: { endpoint: endpoint.id, event_name: 'asset.created', reason: 'http_5xx', attempt_count: 3 },
    });
    await until(
      async () => (await plant.site.database.query('SELECT id FROM jobs')).length === 0,
      'all jobs to be done',
    );
  });

  it('tells nobody that the news of a dead letter died', async () => {
    const { endpoint } = await plant.target('410', { events: ['webhook.dead_lettered', 'asset.created'] });
    await plant.work();
    await plant.raise([1, 2]);
    await plant.settled(endpoint.id);
    const names = (await plant.deliveries(endpoint.id)).map(({ event_name }) => event_name);
    expect(names.filter((name) => name === 'webhook.dead_lettered').length).toBeLessThanOrEqual(2);
  });

  const faults: [Mode, string, boolean][] = [
    ['hang', 'timeout', false],
    ['hang-body', 'timeout', false],
    ['drip', 'timeout', false],
    ['reset', 'reset', false],
    ['reset-body', 'reset', false],
    ['garbage', 'bad_response', false],
    ['redirect', 'http_3xx', true],
    ['400', 'http_4xx', true],
    ['429', 'http_4xx', false],
    ['503', 'http_5xx', false],
    ['gzip-bomb', 'http_5xx', false],
    ['abort', 'aborted', true],
  ];

  it('ends every delivery, whatever the receiver does, and none delays another', async () => {
    const made = new Map<Mode, number>();
    for (const [mode] of faults) made.set(mode, (await plant.target(mode, { max_attempts: 2 })).endpoint.id);
    const { sink, endpoint } = await plant.target('huge');
    await plant.work();
    await plant.raise([1]);
    for (const [mode, reason, flagged] of faults) {
      const [delivery] = await plant.settled(made.get(mode)!, { held: true });
      expect([mode, delivery!.status, delivery!.reason, Boolean(delivery!.flagged)]).toEqual([
        mode,
        'dead_letter',
        reason,
        flagged,
      ]);
      expect([mode, delivery!.attempt_count]).toEqual([mode, mode === 'abort' ? 1 : 2]);
    }
    expect(await plant.settled(endpoint.id)).toMatchObject([{ status: 'success', attempt_count: 1 }]);
    expect(sink.received).toHaveLength(1);
  });

  it.each<[Mode, number]>([
    ['429', 7],
    ['429-date', 28],
  ])('waits as long as the Retry-After of %s says, with all of the endpoint', async (mode, seconds) => {
    const { sink, endpoint } = await plant.target(mode, { max_in_flight: 1 });
    await plant.work();
    await plant.raise([1, 2, 3]);
    const first = async () => (await plant.deliveries(endpoint.id)).find(({ attempt_count }) => attempt_count === 1);
    await until(async () => (await first()) !== undefined, 'an attempt');
    const { next_attempt_at, updated_at } = (await first())!;
    const wait = (Date.parse(next_attempt_at as string) - Date.parse(updated_at as string)) / 1_000;
    expect(wait).toBeGreaterThanOrEqual(seconds - 1);
    expect(sink.received).toHaveLength(1);
    sink.mode = 'ok';
    await plant.settled(endpoint.id, { held: true });
    expect(await plant.site.database.query('SELECT held_until FROM job_lanes WHERE held_until IS NOT NULL')).toEqual(
      [],
    );
  });

  it('disables an endpoint that is gone, and records what it would have got', async () => {
    const { sink, endpoint } = await plant.target('410');
    await plant.work();
    await plant.raise([1]);
    expect(await plant.settled(endpoint.id)).toMatchObject([
      { status: 'dead_letter', reason: 'gone', attempt_count: 1 },
    ]);
    expect((await webhooks.servedEndpoints.get(plant.ctx, endpoint.id)).is_active).toBe(false);
    await plant.raise([2]);
    expect((await plant.settled(endpoint.id))[1]).toMatchObject({ status: 'dead_letter', reason: 'endpoint_disabled' });
    expect(sink.received).toHaveLength(1);
  });

  it('writes down what came of a message that was under way when its tenant was disabled', async () => {
    const { sink, endpoint } = await plant.target('slow', { max_attempts: 1 });
    const active = (is: boolean) =>
      plant.site.database.execute('UPDATE tenants SET is_active = ? WHERE id = ?', [is, plant.ctx.tenant.id]);
    await plant.work({ timeoutSeconds: 10 });
    await plant.raise([1]);
    await until(() => sink.received.length === 1, 'the message');
    try {
      await active(false);
      await until(async () => (await plant.deliveries(endpoint.id))[0]!.status === 'success', 'its outcome');
    } finally {
      await active(true);
    }
    expect(await plant.attempts((await plant.deliveries(endpoint.id))[0]!.id)).toHaveLength(1);
    expect(sink.received).toHaveLength(1);
  });

  it('forgets without a word what was under way to an endpoint that is deleted', async () => {
    const { sink, endpoint } = await plant.target('slow');
    const { endpoint: other } = await plant.target('slow');
    const said = vi.spyOn(plant.ctx.log, 'error');
    await plant.work({ timeoutSeconds: 10 });
    await plant.raise([1, 2]);
    await until(() => sink.received.length === 2, 'the messages');
    await webhooks.servedEndpoints.remove(plant.ctx, endpoint.id);
    expect((await plant.settled(other.id)).map(({ attempt_count }) => attempt_count)).toEqual([1, 1]);
    await until(
      async () => (await plant.site.database.query('SELECT id FROM jobs')).length === 0,
      'all jobs to be done',
    );
    await plant.stop();
    expect(said.mock.calls).toEqual([]);
    said.mockRestore();
  });

  it('connects nowhere that the site does not allow', async () => {
    const { sink, endpoint } = await plant.target('ok', { max_attempts: 1 });
    await plant.work({ policy: new AddressPolicy(['external', 'private']) });
    await plant.raise([1]);
    expect(await plant.settled(endpoint.id)).toMatchObject([{ status: 'dead_letter', reason: 'blocked_address' }]);
    expect(sink.received).toEqual([]);
  });

  it('notices a name that leads elsewhere at the next attempt', async () => {
    const { sink, url } = await plant.receiver('reset');
    const endpoint = await plant.endpoint(url.replace('127.0.0.1', 'flip.example'), { max_attempts: 2 });
    const addresses = ['127.0.0.1', '169.254.169.254'];
    const lookup = ((_: string, __: object, done: (error: null, found: object[]) => void) =>
      done(null, [{ address: addresses.shift(), family: 4 }])) as never;
    await plant.work({ lookup, policy: new AddressPolicy(['*']) });
    await plant.raise([1]);
    const [delivery] = await plant.settled(endpoint.id);
    expect((await plant.attempts(delivery!.id)).map(({ reason, ip }) => [reason, ip])).toEqual([
      ['reset', '127.0.0.1'],
      ['blocked_address', '169.254.169.254'],
    ]);
    expect(sink.received).toHaveLength(1);
  });

  it('holds an endpoint that mostly fails, spends nothing on it meanwhile, and catches up when it works', async () => {
    const { sink, endpoint } = await plant.target('500', { max_attempts: 1 });
    await plant.work();
    await plant.raise(Array.from({ length: 40 }, (_, n) => n));
    const health = async () =>
      (await plant.site.database.query('SELECT * FROM webhook_health WHERE endpoint_id = ?', [endpoint.id]))[0]!;
    await until(async () => (await health()).state === 'open', 'the breaker to open');
    const dead = async () =>
      (await plant.deliveries(endpoint.id)).filter(({ status }) => status === 'dead_letter').length;
    const active = "SELECT id FROM jobs WHERE state = 'active'";
    await until(async () => (await plant.site.database.query(active)).length === 0, 'those under way');
    expect(await dead()).toBe(sink.received.length);
    // Those under way when it opened are the last.
    expect(sink.received.length).toBeLessThanOrEqual(14);
    const before = sink.received.length;
    await plant.hurry();
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(sink.received).toHaveLength(before);
    await plant.hurry({ held: true });
    await until(async () => (await health()).pause_ms === 60_000, 'a probe to fail');
    expect(sink.received).toHaveLength(before + 1);
    sink.mode = 'ok';
    const rows = await plant.settled(endpoint.id, { held: true });
    await until(async () => (await dead()) === 0, 'the dead letters to be sent once more');
    await plant.settled(endpoint.id);
    expect(rows).toHaveLength(40);
    expect((await plant.deliveries(endpoint.id)).every(({ status }) => status === 'success')).toBe(true);
    expect(await health()).toMatchObject({ state: 'closed', failing_since: null });
    const perId = new Map<string, number>();
    for (const { id } of sink.received) perId.set(id, (perId.get(id) ?? 0) + 1);
    expect(perId.size).toBe(40);
  });

  it('sends a dead letter once more by itself, and not twice', async () => {
    const { sink, endpoint } = await plant.target('500', { max_attempts: 1 });
    await plant.work();
    await plant.raise([1]);
    await plant.settled(endpoint.id);
    const heal = async (n: number) => {
      sink.mode = 'ok';
      await plant.raise([n]);
      await until(() => sink.received.some(({ body }) => JSON.parse(body).asset_id === n), 'the next one');
    };
    await heal(2);
    await until(async () => (await plant.deliveries(endpoint.id)).every(({ status }) => status === 'success'), 'both');
    const [first] = await plant.deliveries(endpoint.id);
    expect(first).toMatchObject({ round: 1, attempt_count: 1 });
    expect((await plant.attempts(first!.id)).map(({ round, attempt }) => [round, attempt])).toEqual([
      [0, 1],
      [1, 1],
    ]);
    await plant.site.database.execute(
      "UPDATE webhook_deliveries SET status = 'dead_letter', dead_lettered_at = updated_at WHERE id = ?",
      [first!.id as number],
    );
    await plant.site.database.execute('UPDATE webhook_health SET failing_since = ? WHERE endpoint_id = ?', [
      '2026-01-01T00:00:00.000Z',
      endpoint.id,
    ]);
    await heal(3);
    await plant.settled(endpoint.id);
    await until(async () => (await plant.site.database.query('SELECT id FROM jobs')).length === 0, 'the jobs');
    expect((await plant.deliveries(endpoint.id))[0]).toMatchObject({ status: 'dead_letter', round: 1 });
  });

  it('sends dead letters once more when the endpoint works at its new address', async () => {
    const { endpoint } = await plant.target('500', { max_attempts: 1 });
    const { sink, url } = await plant.receiver();
    await plant.work();
    await plant.raise([1]);
    expect(await plant.settled(endpoint.id)).toMatchObject([{ status: 'dead_letter' }]);
    await webhooks.servedEndpoints.change(plant.ctx, endpoint.id, { url });
    await plant.raise([2]);
    await until(async () => {
      await plant.hurry();
      return (await plant.deliveries(endpoint.id)).every(({ status }) => status === 'success');
    }, 'both');
    expect(sink.received.map(({ body }) => JSON.parse(body).data.n)).toEqual([2, 1]);
  });

  it('warns once of an endpoint that nothing has reached for 4 hours, and once more after 24', async () => {
    const { sink, endpoint } = await plant.target('500', { max_attempts: 1, name: 'Quiet' });
    const warned: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line) => void warned.push(JSON.parse(line).msg) });
    const lines = () =>
      warned.filter((text) => text.includes('has taken nothing')).map((text) => /\d+ hours/.exec(text)![0]);
    await plant.work({}, undefined, { log });
    const after = async (hours: number, failures: number) => {
      const since = new Date(Date.now() - hours * 3_600_000).toISOString();
      const sql =
        'UPDATE webhook_health SET failing_since = ?, failures = ?, window_attempts = 0 WHERE endpoint_id = ?';
      await plant.site.database.execute(sql, [since, failures, endpoint.id]);
      await plant.raise([1, 2]);
      await plant.settled(endpoint.id, { held: true });
    };
    const health = () => webhooks.health(plant.ctx);
    // Two failures a day are no proof.
    await after(5, 2);
    expect([lines(), await health()]).toEqual([[], { status: 'healthy', component: 'webhooks', failing: 0 }]);
    await after(3, 20);
    await after(5, 20);
    await after(23, 20);
    expect(lines()).toEqual(['4 hours']);
    expect(await health()).toMatchObject({ status: 'degraded', failing: 1 });
    const since = new Date(Date.now() - 25 * 3_600_000).toISOString().slice(0, 13);
    await after(25, 20);
    await after(60, 20);
    expect(lines()).toEqual(['4 hours', '24 hours']);
    await after(25, 20);
    expect((await webhooks.troubles(plant.ctx)).failing).toEqual([
      { name: 'Quiet', since: expect.stringContaining(since), long: true },
    ]);
    sink.mode = 'ok';
    await after(60, 20);
    expect(await webhooks.troubles(plant.ctx)).toMatchObject({ failing: [] });
    expect(await health()).toMatchObject({ status: 'healthy', failing: 0 });
    sink.mode = '500';
    await after(5, 20);
    expect(lines()).toEqual(['4 hours', '24 hours', '4 hours']);
  });

  it('disables an endpoint that nothing has reached for days', async () => {
    const { endpoint } = await plant.target('500', { max_attempts: 1 });
    const long = new Date(Date.now() - 6 * 86_400_000).toISOString();
    await plant.site.database.execute(
      'UPDATE webhook_health SET failing_since = ?, failures = 20 WHERE endpoint_id = ?',
      [long, endpoint.id],
    );
    await plant.work();
    await plant.raise([1, 2, 3, 4, 5, 6]);
    const rows = await plant.settled(endpoint.id);
    expect(new Set(rows.map(({ status }) => status))).toEqual(new Set(['dead_letter']));
    expect(rows.map(({ reason }) => reason)).toContain('endpoint_disabled');
    expect((await webhooks.servedEndpoints.get(plant.ctx, endpoint.id)).is_active).toBe(false);
  });

  it('keeps the order where that is asked for, whatever fails in between', async () => {
    const { sink, endpoint } = await plant.target('flaky', { ordered: true, max_attempts: 50 });
    await plant.work();
    await plant.raise([1, 2, 3, 4, 5, 6]);
    await plant.settled(endpoint.id, { held: true, patience: 60_000 });
    const order = sink.received.map(({ body }) => JSON.parse(body).asset_id);
    expect(order).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]);
  });

  it('a dead endpoint with ten thousand waiting deliveries does not delay another', async () => {
    const { sink: dead, endpoint: gone } = await plant.target('hang', { name: 'dead' });
    const { sink, endpoint } = await plant.target('ok', { events: ['scan.created'] });
    for (let from = 0; from < 10_000; from += 1_000)
      await plant.raise(Array.from({ length: 1_000 }, (_, n) => from + n));
    await plant.work({ timeoutSeconds: 5 });
    await until(() => dead.received.length >= 4, 'the dead one to be tried');
    for (let n = 0; n < 5; n += 1) await plant.raise([n], { name: 'scan.created', entity: 'scan_event' });
    await until(
      async () => (await plant.deliveries(endpoint.id)).every(({ status }) => status === 'success'),
      'the others',
    );
    // Before a single attempt at the dead one is over: its places are its own.
    expect(dead.received).toHaveLength(4);
    expect(sink.received).toHaveLength(5);
    const [{ count }] = (await plant.site.database.query(
      "SELECT COUNT(*) AS count FROM webhook_deliveries WHERE endpoint_id = ? AND status = 'pending'",
      [gone.id],
    )) as [{ count: number }];
    expect(Number(count)).toBe(10_000);
  }, 120_000);

  it('tells only what happened where the row is too large', async () => {
    const { sink, endpoint } = await plant.target();
    await plant.work();
    await plant.raise([1], { data: { id: 1, notes: 'x'.repeat(300_000) } });
    await plant.settled(endpoint.id);
    expect(JSON.parse(sink.received[0]!.body)).toMatchObject({ asset_id: 1, data: { id: 1 }, truncated: true });
    expect(sink.received[0]).toMatchObject({ signature: true, standard_signature: true });
  });
});
