import { afterAll, beforeAll, expect, it } from 'vitest';
import { inTransaction } from '../../src/db/context.ts';
import type { Row } from '../../src/db/database.ts';
import { due, dueSchedule } from '../../src/domain/maintenance/service.ts';
import * as jobs from '../../src/queue/jobs.ts';
import { type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { workOff } from '../support/work.ts';

onEveryDatabase('upkeep that is due', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
    const url = 'https://example.org/hook';
    const made = await app.call('POST', 'webhooks/', { body: { name: 'Due', url, events: ['maintenance.due'] } });
    expect(made.status).toBe(201);
  });
  afterAll(() => app.close());

  const tick = async () => {
    await inTransaction(app.as('admin'), (tx) => jobs.start(tx, dueSchedule.job));
    await workOff(app, [due, { kind: 'webhook.deliver', queue: 'webhooks', settle: async () => undefined }]);
  };
  const told = async () =>
    (
      await app.database.query<Row>(
        "SELECT entity, entity_id FROM outbox_events WHERE name = 'maintenance.due' ORDER BY id",
      )
    ).map(({ entity, entity_id }) => `${entity} ${entity_id}`);
  const at = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
  const post = async (path: string, body: object) => (await app.call('POST', path, { body })).body;

  it('is told of once, from so many days ahead as its plan says, and again at a new time', async () => {
    const asset = (await post('assets/', { asset_tag: 'DUE-1', name: 'Pump' })).id;
    const late = await post('maintenance-records/', { asset, scheduled_at: at(-1) });
    await post('maintenance-records/', { asset, scheduled_at: at(20) });
    await post('maintenance-records/', { asset, scheduled_at: at(-3), performed_at: at(-2) });
    await post('maintenance-plans/', { asset, name: 'Oil', every_days: 10, lead_days: 14, kind: 'inspection' });
    const [planned] = (await app.call('GET', `inspection-records/?asset=${asset}`)).body.results;
    await tick();
    const both = [`maintenance_record ${late.id}`, `inspection_record ${planned.id}`];
    expect(await told()).toEqual(both);
    await tick();
    expect(await told()).toEqual(both);
    await app.call('PATCH', `maintenance-records/${late.id}/`, { body: { scheduled_at: at(-0.5) } });
    await tick();
    expect(await told()).toEqual([...both, both[0]]);
    const [event] = await app.database.query<Row>('SELECT draft FROM outbox_events ORDER BY id');
    expect(JSON.parse((event!.draft as string).replace('"sequence":?', '"sequence":0'))).toMatchObject({
      event: 'maintenance.due',
      maintenance_record_id: late.id,
      data: { asset, scheduled_at: late.scheduled_at },
    });
  });
});
