import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { inTransaction } from '../../../src/db/context.ts';
import * as webhooks from '../../../src/domain/webhooks/service.ts';
import * as jobs from '../../../src/queue/jobs.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { until } from '../../support/pty.ts';
import { testSite } from '../../support/site.ts';
import { Plant } from '../../support/webhooks.ts';

const { deadLetters } = webhooks;

onEveryDatabase('dead letters', (dialect) => {
  let plant: Plant;
  beforeAll(async () => {
    plant = new Plant(await testSite(dialect));
  });
  afterEach(() => plant.stop());
  afterAll(() => plant.site.close());

  const shell = () => ({ ...plant.ctx, tenant: null });

  /** Endpoint and receiver with three dead deliveries, one dead job, and nobody at work. */
  async function given() {
    const { sink, endpoint } = await plant.target('500', { max_attempts: 1 });
    const force = await plant.work({}, { redriveHours: 0, disableDays: 0 });
    await plant.raise([1, 2, 3]);
    await plant.settled(endpoint.id);
    await force.stop();
    await inTransaction(plant.ctx, async (tx) => jobs.add(tx, { kind: 'other', queue: 'system', payload: { n: 1 } }));
    await plant.site.database.execute(
      "UPDATE jobs SET state = 'dead', last_error = 'No.', attempts = 5, finished_at = created_at WHERE kind = 'other'",
    );
    sink.received.length = 0;
    sink.mode = 'ok';
    const [job] = await plant.site.database.query<{ id: number }>("SELECT id FROM jobs WHERE kind = 'other'");
    return {
      sink,
      endpoint,
      job: `job:${job!.id}`,
      ids: (await plant.deliveries(endpoint.id)).map(({ id }) => id as number),
    };
  }

  it('are listed, deliveries and jobs alike, and shown with each attempt', async () => {
    const { endpoint, job, ids } = await given();
    const all = await deadLetters.list(shell(), {}, 100);
    expect(all.map(({ id }) => id)).toEqual([...ids.toReversed(), job]);
    expect(all[0]).toMatchObject({
      type: 'delivery',
      endpoint_id: endpoint.id,
      reason: 'http_5xx',
      error: 'HTTP 500',
      attempts: 1,
    });
    expect(all[3]).toMatchObject({ type: 'job', name: 'other', error: 'No.', attempts: 5 });
    expect(await deadLetters.list(shell(), { endpoint: endpoint.id }, 2)).toHaveLength(2);
    expect(await deadLetters.list(shell(), { since: new Date(Date.now() + 60_000).toISOString() }, 9)).toEqual([]);
    expect(await deadLetters.list({ ...shell(), tenant: plant.site.other }, {}, 9)).toEqual([]);
    expect(await deadLetters.show(shell(), String(ids[0]))).toMatchObject({
      payload: { event: 'asset.created', asset_id: 1 },
      attempts_made: [{ attempt: 1, response_code: 500, ip: '127.0.0.1' }],
    });
    expect(await deadLetters.show(shell(), job)).toMatchObject({ payload: { n: 1 } });
    expect(await deadLetters.show(shell(), '999999')).toBeUndefined();
    await expect(deadLetters.list(shell(), { ids: ['twelve'] }, 1)).rejects.toThrow('no dead letter');
  });

  it('are replayed by id, by endpoint, or all', async () => {
    const { sink, endpoint, job, ids } = await given();
    expect(await deadLetters.replay(shell(), { ids: [String(ids[0]), job] })).toEqual({ deliveries: 1, jobs: 1 });
    expect(await plant.site.database.query("SELECT state, attempts FROM jobs WHERE kind = 'other'")).toEqual([
      { state: 'ready', attempts: 0 },
    ]);
    expect(await deadLetters.count(shell(), {})).toEqual({ deliveries: 2, disabled: 0, jobs: 0 });
    expect(await deadLetters.replay(shell(), { endpoint: endpoint.id })).toEqual({ deliveries: 2, jobs: 0 });
    await plant.work();
    await plant.settled(endpoint.id);
    expect((await plant.deliveries(endpoint.id)).every(({ status }) => status === 'success')).toBe(true);
    expect(sink.received).toHaveLength(3);
  });

  it('of a disabled endpoint stay where they are', async () => {
    const { endpoint } = await given();
    await webhooks.servedEndpoints.change(plant.ctx, endpoint.id, { is_active: false });
    expect(await deadLetters.replay(shell(), {})).toEqual({ deliveries: 0, jobs: 1 });
    expect(await deadLetters.count(shell(), {})).toEqual({ deliveries: 3, disabled: 3, jobs: 0 });
  });

  it('are purged with their attempts', async () => {
    const { endpoint } = await given();
    expect(await deadLetters.purge(shell(), {})).toEqual({ deliveries: 3, jobs: 1 });
    expect(await plant.deliveries(endpoint.id)).toEqual([]);
    expect(await plant.site.database.query('SELECT id FROM webhook_attempts')).toEqual([]);
    expect(await plant.site.database.query("SELECT id FROM jobs WHERE kind = 'other'")).toEqual([]);
  });

  it('and what was delivered are forgotten in time, with events that nobody waits for', async () => {
    const { endpoint, ids } = await given();
    await deadLetters.replay(shell(), { ids: [String(ids[0])] });
    await webhooks.prune(plant.site.database, new Date(Date.now() - 1_000).toISOString().replace(/^\d{4}/, '2020'));
    expect(await plant.deliveries(endpoint.id)).toHaveLength(3);
    await webhooks.prune(plant.site.database, new Date(Date.now() + 1_000).toISOString());
    expect((await plant.deliveries(endpoint.id)).map(({ status }) => status)).toEqual(['pending']);
    const events = await plant.site.database.query<{ id: number }>('SELECT id FROM outbox_events');
    expect(events.map(({ id }) => id)).toEqual([(await plant.deliveries(endpoint.id))[0]!.event_id]);
  });

  it('a runner that dies after sending costs no attempt, and sends the same message again', async () => {
    const { sink, endpoint } = await plant.target('ok');
    await plant.raise([1]);
    const force = await plant.work();
    await until(() => sink.received.length === 1, 'the message');
    await plant.settled(endpoint.id);
    await force.stop();
    // As it stands when the process ends between the answer and the commit: sent, and nothing written down.
    await plant.site.database.execute(
      "UPDATE webhook_deliveries SET status = 'pending', attempt_count = 0, delivered_at = NULL",
    );
    const [row] = await plant.deliveries(endpoint.id);
    await inTransaction(plant.ctx, async (tx) => {
      const lane = (await tx.db.query<{ lane_id: number }>('SELECT lane_id FROM webhook_endpoints'))[0]!.lane_id;
      jobs.add(tx, {
        kind: 'webhook.deliver',
        queue: 'webhooks',
        tenant: plant.ctx.tenant.id,
        lane,
        payload: { delivery: row!.id },
      });
    });
    await plant.site.database.execute(
      "UPDATE jobs SET state = 'active', runner_id = 999999, lease_token = 'gone', lease_ms = 20000, lease_until = 1",
    );
    await plant.work();
    await until(() => sink.received.length === 2, 'it again', 20_000);
    expect(await plant.settled(endpoint.id)).toMatchObject([{ status: 'success', attempt_count: 1 }]);
    const [first, again] = sink.received;
    for (const key of ['id', 'delivery', 'body', 'attempt'] as const) expect(again![key]).toBe(first![key]);
  });
});
