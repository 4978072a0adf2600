import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { inTransaction, type TenantContext } from '../../../src/db/context.ts';
import type { Row } from '../../../src/db/database.ts';
import { bulk } from '../../../src/domain/assets/bulk.ts';
import * as assets from '../../../src/domain/assets/service.ts';
import * as outbox from '../../../src/domain/outbox/service.ts';
import * as scans from '../../../src/domain/scans/service.ts';
import * as stocktake from '../../../src/domain/stocktake/service.ts';
import { sync } from '../../../src/domain/sync/service.ts';
import * as webhooks from '../../../src/domain/webhooks/service.ts';
import * as changes from '../../../src/queue/changes.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { unique } from '../../support/samples.ts';
import { type TestSite, testSite } from '../../support/site.ts';

onEveryDatabase('the outbox', (dialect) => {
  let site: TestSite;
  beforeAll(async () => {
    site = await testSite(dialect);
  });
  afterEach(async () => {
    for (const table of ['webhook_deliveries', 'outbox_events', 'jobs', 'webhook_endpoints'])
      await site.database.execute(`DELETE FROM ${table}`);
  });
  afterAll(() => site.close());

  const make = (events: string[] = [], more = {}, ctx = site.as('admin')) =>
    webhooks.servedEndpoints.create(
      { ...ctx, vault: { seal: (text: string) => text, open: (text: string) => text } as never },
      { name: unique('E'), url: 'https://example.org/hook', events, ...more },
    );
  /** Without the event of its own making. */
  const endpoint = async (...args: Parameters<typeof make>) => {
    const made = await make(...args);
    for (const table of ['webhook_deliveries', 'outbox_events', 'jobs'])
      await site.database.execute(`DELETE FROM ${table}`);
    return made;
  };
  const events = () => site.database.query<Row>('SELECT id, name, entity_id, depth FROM outbox_events ORDER BY id');
  const names = async () => (await events()).map(({ name }) => name);
  const deliveries = () =>
    site.database.query<Row>(
      'SELECT id, endpoint_id, event_id, event_name, status, reason FROM webhook_deliveries ORDER BY id',
    );
  const jobsOf = async () =>
    (await site.database.query<Row>('SELECT kind, lane_id, payload FROM jobs ORDER BY id')).map((row) => ({
      kind: row.kind,
      lane_id: row.lane_id,
      payload: JSON.parse(row.payload as string),
    }));
  const bytes = async (ctx: TenantContext, id: unknown) => {
    const sql = 'SELECT change_id, sequence, draft FROM outbox_events WHERE id = ?';
    return outbox.bytesOf(ctx, (await site.database.query<outbox.Draft>(sql, [id as number]))[0]!);
  };
  const body = async (ctx: TenantContext, id: unknown) => JSON.parse(await bytes(ctx, id));
  const asset = (more = {}) => ({ asset_tag: unique('T'), name: 'Drill', ...more });

  it('has nothing when nobody listens', async () => {
    const ctx = site.as('operator');
    const { id } = await assets.served.create(ctx, asset());
    await assets.served.change(ctx, id, { status: 'lost' });
    expect([await events(), await jobsOf()]).toEqual([[], []]);
  });

  it('tells a new endpoint of itself, so that its receiver is tried at once', async () => {
    const ctx = site.as('admin');
    const listeners = await outbox.listenersOf(ctx, site.plant.id);
    const { id } = await make(['webhook.created'], {}, { ...ctx, tenant: { ...ctx.tenant, listeners } });
    expect(await deliveries()).toMatchObject([{ endpoint_id: id, event_name: 'webhook.created' }]);
  });

  it('has an event, a delivery and a job for each endpoint that waits for it, with the change', async () => {
    const [none, some, all] = [await endpoint(['scan.created']), await endpoint(['asset.*']), await endpoint()];
    const ctx = site.as('operator');
    const { id } = await assets.served.create(ctx, asset());
    const [event, ...rest] = await events();
    expect([event, rest]).toMatchObject([{ name: 'asset.created', entity_id: id, depth: 0 }, []]);
    const made = await deliveries();
    expect(made.map(({ endpoint_id, event_id, status }) => [endpoint_id, event_id, status])).toEqual(
      [some, all].map((each) => [each.id, event!.id, 'pending']),
    );
    expect(made.some(({ endpoint_id }) => endpoint_id === none.id)).toBe(false);
    const work = await jobsOf();
    expect(work.map(({ kind, payload }) => [kind, payload])).toEqual(
      made.map((delivery) => ['webhook.deliver', { delivery: delivery.id }]),
    );
    expect(new Set(work.map(({ lane_id }) => lane_id)).size).toBe(2);
  });

  it('has nothing of a change that failed, not even of an item of a larger one', async () => {
    await endpoint();
    const ctx = site.as('admin');
    await expect(assets.served.create(ctx, asset({ status: 'no such' }))).rejects.toThrow();
    const taken = asset();
    await bulk(ctx, { items: [taken, taken, asset()] });
    expect(await names()).toEqual(['asset.created', 'asset.created']);
    expect(await deliveries()).toHaveLength(2);
  });

  it('tells the row, what changed, and the number of the change', async () => {
    await endpoint();
    const ctx = site.as('admin');
    const made = await assets.served.create(ctx, asset());
    await assets.served.change(ctx, made.id, { name: 'Saw', status: 'in_maintenance' });
    await assets.served.remove(ctx, made.id);
    const rows = await events();
    const names = ['asset.created', 'asset.updated', 'asset.status_changed', 'asset.deleted'];
    expect(rows.map(({ name }) => name)).toEqual(names);
    const bodies = [];
    for (const { id } of rows) bodies.push(await body(ctx, id));
    const { changes: log } = await changes.pull(ctx, 0, 1_000);
    const seq = (op: string) =>
      log.find((one) => one.op === op && one.entity_id === made.id && one.entity === 'asset')!.seq;
    expect(bodies).toMatchObject([
      {
        event: names[0],
        asset_id: made.id,
        tenant_id: site.plant.id,
        sequence: seq('create'),
        data: { name: 'Drill' },
      },
      { sequence: seq('update'), changes: { name: ['Drill', 'Saw'], status: ['active', 'in_maintenance'] } },
      { sequence: seq('update'), changes: { status: ['active', 'in_maintenance'] }, data: { name: 'Saw' } },
      { sequence: seq('delete'), data: { id: made.id, name: 'Saw' } },
    ]);
    expect(bodies[0].changes).toBeUndefined();
    expect(Object.keys(bodies[1])).toEqual([
      'event',
      'asset_id',
      'tenant_id',
      'occurred_at',
      'sequence',
      'data',
      'changes',
    ]);
    expect(await bytes(ctx, rows[1]!.id)).toBe(JSON.stringify(bodies[1]));
  });

  it('is not misled by data that looks like its own marks', async () => {
    await endpoint();
    const ctx = site.as('admin');
    const name = 'a "sequence":? b $& $1 \u2028 \\" ';
    const made = await assets.served.create(ctx, asset({ name, custom_fields: { sequence: 'x', '"sequence":?': 1 } }));
    const [event] = await events();
    expect(await body(ctx, event!.id)).toMatchObject({
      data: { name: made.name, custom_fields: { '"sequence":?': 1 } },
    });
  });

  it('has the number of its change whatever was told before it in the same transaction', async () => {
    await endpoint();
    const ctx = site.as('admin');
    const told = { name: 'webhook.created', entity: 'webhook_endpoint', entity_id: 1, data: {} };
    const made = await inTransaction(ctx, async (tx) => {
      outbox.append(tx, told);
      return assets.served.create(tx, asset());
    });
    const [, event] = await events();
    expect(event).toMatchObject({ name: 'asset.created', entity_id: made.id });
    const { changes: log } = await changes.pull(ctx, 0, 10_000);
    const own = log.find((one) => one.entity === 'asset' && one.entity_id === made.id);
    expect((await body(ctx, event!.id)).sequence).toBe(own!.seq);
  });

  it('goes to the endpoints that are there when it is written, not to those of when the request came', async () => {
    const [gone, stays] = [await endpoint(), await endpoint()];
    const ctx = site.as('admin');
    const listeners = await outbox.listenersOf(ctx, site.plant.id);
    const earlier = { ...ctx, tenant: { ...ctx.tenant, listeners } };
    await webhooks.servedEndpoints.remove(ctx, gone.id);
    const added = await endpoint();
    await assets.served.create(earlier, asset());
    expect((await deliveries()).map(({ endpoint_id }) => endpoint_id)).toEqual([stays.id, added.id]);
  });

  it('lets a change be although an endpoint is deleted at the same moment', async () => {
    const made = [];
    for (let n = 0; n < 6; n += 1) made.push(await endpoint());
    const ctx = site.as('admin');
    const creating = Array.from({ length: 30 }, () => assets.served.create(ctx, asset()));
    const removing = made.map(({ id }) => webhooks.servedEndpoints.remove(ctx, id));
    await Promise.all([...creating, ...removing]);
    expect(await deliveries()).toEqual([]);
  });

  it('gives an endpoint that is disabled a dead letter to be replayed, and no job', async () => {
    const { id } = await endpoint([], { is_active: false });
    await assets.served.create(site.as('admin'), asset());
    expect(await deliveries()).toMatchObject([{ endpoint_id: id, status: 'dead_letter', reason: 'endpoint_disabled' }]);
    expect(await jobsOf()).toEqual([]);
  });

  it('keeps tenants apart', async () => {
    await endpoint([], {}, site.as('admin', site.other));
    await assets.served.create(site.as('admin'), asset());
    expect(await events()).toEqual([]);
  });

  it('has the same events of a synced scan as of a live one', async () => {
    const ctx = site.as('admin');
    const { asset_tag } = await assets.served.create(ctx, asset());
    await endpoint();
    const scan = (raw_value: string, symbology = 'code128') => ({
      client_event_id: crypto.randomUUID(),
      raw_value,
      symbology,
    });
    for (const one of [scan(asset_tag), scan('4006381333932', 'ean13')]) await scans.record(ctx, one);
    const again = scan('X-1');
    await sync(ctx, { scan_events: [scan(asset_tag), scan('4006381333932', 'ean13'), again] });
    await sync(ctx, { scan_events: [again] });
    const both = ['scan.created', 'scan.rejected'];
    expect(await names()).toEqual([...both, ...both, 'scan.created']);
  });

  it('tells moves and assignments beside the change itself', async () => {
    await endpoint();
    const ctx = site.as('admin');
    const { id } = await assets.served.create(ctx, asset());
    expect(await names()).toEqual(['asset.created']);
    await assets.checkOut(ctx, id, { assigned_to: site.userId('operator') });
    await assets.checkIn(ctx, id, {});
    expect((await names()).slice(1)).toEqual(['asset.updated', 'asset.assigned', 'asset.updated', 'asset.assigned']);
  });

  it('tells a stock-take from its opening to its end', async () => {
    const ctx = site.as('admin');
    const place = await site.database.insert('locations', {
      tenant_id: site.plant.id,
      name: 'Store',
      code: unique('L'),
      address: '',
      metadata: '{}',
      created_at: '2026-01-01T00:00:00.000Z',
      updated_at: '2026-01-01T00:00:00.000Z',
    });
    await endpoint(['inventory_session.*']);
    const session = await stocktake.served.create(ctx, { name: 'Count', location: place });
    await stocktake.close(ctx, session.id);
    await stocktake.reconcile(ctx, session.id, {});
    expect(await names()).toEqual(['opened', 'closed', 'reconciled'].map((end) => `inventory_session.${end}`));
  });
});
