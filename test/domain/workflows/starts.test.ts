import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Context } from '../../../src/db/context.ts';
import { Database } from '../../../src/db/database.ts';
import { schedules } from '../../../src/domain/workflows/service.ts';
import { Scheduler } from '../../../src/jobs/schedule.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { unique } from '../../support/samples.ts';
import { type Plant, plantOn } from './plant.ts';

const output = (key: string, value: unknown) => ({ action: 'set_output', key, value });

onEveryDatabase('workflows started from outside', (dialect) => {
  let plant: Plant;
  beforeAll(async () => {
    plant = await plantOn(dialect);
  });
  afterAll(() => plant.close());

  const onTime = (entry_conditions: unknown, steps: object[], more: object = {}) =>
    plant.define(steps, { trigger_type: 'on_time', entry_conditions, ...more });
  const schedulesNow = () => schedules({ ...plant.app.as('admin'), tenant: null } as Context);

  it('an inbound message starts the manual workflows that wait for its name', async () => {
    const endpoint = await plant.make('webhooks/', { name: unique('ERP'), direction: 'inbound' });
    const asset = await plant.asset();
    const name = (value: string) => ({ field: 'context.event_name', operator: 'equals', value });
    const waiting = await plant.define(
      [{ action: 'set_asset_status', status: '{{context.payload.to}}' }, output('from', '{{context.endpoint.name}}')],
      {
        entry_conditions: [name('asset.scrapped'), { field: 'context.payload.sure', operator: 'equals', value: true }],
      },
    );
    const map = await plant.define([output('n', '{{context.payload.n}}')], {
      entry_conditions: { 'context.event_name': ['asset.scrapped', 'x'] },
    });
    const otherName = await plant.define([output('x', 1)], { entry_conditions: [name('asset.bought')] });
    const any = await plant.define([output('x', 1)]);
    const inactive = await plant.define([output('x', 1)], {
      entry_conditions: [name('asset.scrapped')],
      is_active: false,
    });
    const tell = (payload: object) =>
      plant.make('webhooks/inbound/', { endpoint_id: endpoint.id, event_name: 'asset.scrapped', payload });
    const { delivery_id } = await tell({ asset_tag: asset.asset_tag, to: 'retired', sure: true, n: 1 });
    await plant.settled();
    expect((await plant.read(`assets/${asset.id}/`)).status).toBe('retired');
    expect(await plant.runs(waiting.id)).toMatchObject([
      {
        ...{ status: 'success', asset: asset.id, output_data: { from: endpoint.name } },
        context: {
          event_name: 'asset.scrapped',
          payload: { n: 1 },
          endpoint: { id: endpoint.id, name: endpoint.name },
        },
        input_data: { trigger: 'manual', by: `webhook:${endpoint.name}`, delivery_id, asset_id: asset.id },
      },
    ]);
    await tell({ asset_id: asset.id, to: 'lost', sure: false, n: 2 });
    await tell({ asset_tag: 'nothing', to: 'lost', sure: true, n: 3 });
    await plant.settled();
    expect((await plant.runs(waiting.id)).map((run) => [run.status, run.asset])).toEqual([
      ['success', asset.id],
      ['failed', null],
    ]);
    const numbers = (await plant.runs(map.id)).map((run) => [run.output_data.n, run.asset]);
    expect(numbers.sort()).toEqual([
      [1, asset.id],
      [2, asset.id],
      [3, null],
    ]);
    for (const { id } of [otherName, any, inactive]) expect(await plant.runs(id)).toEqual([]);
  });

  it("an inbound message names no other tenant's asset", async () => {
    const endpoint = await plant.make('webhooks/', { name: unique('ERP'), direction: 'inbound' });
    const foreign = await plant.app.call('POST', 'assets/', {
      tenant: plant.app.other,
      body: { asset_tag: unique('FOREIGN'), name: 'x' },
    });
    const flow = await plant.define([output('tag', '{{asset.asset_tag}}')], {
      entry_conditions: { 'context.event_name': 'peek' },
    });
    for (const payload of [{ asset_id: foreign.body.id }, { asset_tag: foreign.body.asset_tag }, { asset_id: '1' }])
      await plant.make('webhooks/inbound/', { endpoint_id: endpoint.id, event_name: 'peek', payload });
    await plant.settled();
    expect((await plant.runs(flow.id)).map((run) => [run.asset, run.output_data.tag])).toEqual(
      Array(3).fill([null, null]),
    );
  });

  it('adds no job where no workflow waits for messages', async () => {
    const tenant = plant.app.other;
    const endpoint = (await plant.app.call('POST', 'webhooks/', { tenant, body: { name: 'in', direction: 'inbound' } }))
      .body;
    const body = { endpoint_id: endpoint.id, event_name: 'x', payload: {} };
    const jobs = async () =>
      (await plant.app.database.query('SELECT id FROM jobs WHERE tenant_id = ?', [tenant.id])).length;
    const before = await jobs();
    expect((await plant.app.call('POST', 'webhooks/inbound/', { tenant, body })).status).toBe(202);
    expect(await jobs()).toBe(before);
  });

  it('tells the clock when active workflows run', async () => {
    const daily = await onTime({ cron: '0 6 * * *', timezone: 'Europe/Berlin' }, [output('x', 1)]);
    const listed = [{ field: 'cron', operator: 'equals', value: '*/5 * * * * *' }];
    const often = await onTime(listed, [output('x', 1)]);
    await onTime({ cron: '0 7 * * *' }, [output('x', 1)], { is_active: false });
    const job = (workflow: number) => ({
      ...{ kind: 'workflow.on_time', queue: 'workflows', tenant: plant.app.plant.id },
      payload: { workflow, after: 0 },
    });
    const mine = (await schedulesNow()).filter(({ task }) =>
      [daily.id, often.id].map((id) => `workflow:${id}`).includes(task),
    );
    const schedule = ({ id, updated_at }: typeof daily, cron: string, timezone: string) => ({
      ...{ task: `workflow:${id}`, cron, timezone, job: job(id) },
      since: Date.parse(updated_at),
    });
    expect(mine).toEqual([schedule(daily, '0 6 * * *', 'Europe/Berlin'), schedule(often, '*/5 * * * * *', 'UTC')]);
    await plant.app.call('PATCH', `workflow-definitions/${daily.id}/`, { body: { is_active: false } });
    expect((await schedulesNow()).some(({ task }) => task === `workflow:${daily.id}`)).toBe(false);
  });

  it('on_time runs once a tick, with two clocks on two connections and two runners', async () => {
    const flow = await onTime({ cron: '30 2 * * *', timezone: 'Europe/Berlin' }, [output('x', 1)]);
    const elsewhere = new Database(plant.app.databaseConfig);
    const ctx = { ...plant.app.as('admin'), tenant: null };
    const mine = async (own: Context) => (await schedules(own)).filter(({ task }) => task === `workflow:${flow.id}`);
    const clocks = [ctx.db, elsewhere].map((db) => new Scheduler({ ...ctx, db }, mine));
    for (const clock of clocks) await clock.load();
    // The first of these nights does not show half past two, the second one shows it twice; a clock looks a day back at first.
    for (const time of ['2027-03-28T00:59Z', '2027-03-28T01:30Z', '2027-10-31T00:30Z', '2027-10-31T01:30Z'])
      await Promise.all(clocks.map((clock) => clock.look(Date.parse(time))));
    await plant.settled();
    const rows = await elsewhere.query<{ tick_at: number }>(
      'SELECT tick_at FROM cron_ticks WHERE task = ? ORDER BY tick_at',
      [`workflow:${flow.id}`],
    );
    const ticks = rows.map(({ tick_at }) => new Date(Number(tick_at)).toISOString().slice(0, 16));
    expect(ticks).toEqual(['2027-03-27T01:30', '2027-03-28T01:00', '2027-10-31T00:30']);
    expect(await plant.runs(flow.id)).toMatchObject(ticks.map(() => ({ status: 'success' })));
    for (const clock of clocks) await clock.stop();
    await elsewhere.close();
  });

  it('on_time runs once, without an asset, where no condition names one', async () => {
    const flow = await onTime({ cron: '0 6 * * *' }, [{ action: 'create_asset', asset_tag: unique('T'), name: 'x' }]);
    await plant.settle('workflow.on_time', { workflow: flow.id, after: 0 });
    expect(await plant.runs(flow.id)).toMatchObject([{ status: 'success', input_data: { trigger: 'on_time' } }]);
    await plant.app.call('PATCH', `workflow-definitions/${flow.id}/`, { body: { is_active: false } });
    await plant.settle('workflow.on_time', { workflow: flow.id, after: 0 });
    expect(await plant.runs(flow.id)).toHaveLength(1);
  });

  it('on_time runs for each asset that its conditions hold for, however many there are', async () => {
    const mark = unique('mark');
    const rows = Array.from({ length: 230 }, (_, index) => ({
      asset_tag: unique('MANY'),
      name: mark,
      custom_fields: { due: index % 2 === 0 ? '2020-01-01' : '2999-01-01' },
    }));
    expect((await plant.app.call('POST', 'assets/bulk/', { body: { items: rows } })).body.created).toBe(230);
    await plant.make('assets/', { asset_tag: unique('ONE'), name: mark, custom_fields: { due: '2020-01-01' } });
    const flow = await onTime(
      [
        { field: 'cron', operator: 'equals', value: '0 6 * * *' },
        { field: 'asset.name', operator: 'equals', value: mark },
        { field: 'asset.custom_fields.due', operator: 'lt', value: '{{now}}' },
      ],
      [{ action: 'create_maintenance_record', notes: 'due' }],
    );
    await plant.settle('workflow.on_time', { workflow: flow.id, after: 0 });
    await plant.settled();
    const { count } = await plant.read(`workflow-runs/?workflow=${flow.id}&status=success`);
    const matching = (await plant.read(`assets/?search=${mark}&page_size=500`)).results.filter(
      (asset: { custom_fields: { due: string } }) => asset.custom_fields.due < '2100',
    );
    expect([count, matching.length > 100]).toEqual([matching.length, true]);
    expect((await plant.read(`workflow-runs/?workflow=${flow.id}&status=failed`)).count).toBe(0);
  }, 60_000);
});
