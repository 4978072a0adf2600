import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { onEveryDatabase } from '../../support/databases.ts';
import { unique } from '../../support/samples.ts';
import { maxDepth, type Plant, plantOn } from './plant.ts';

const status = (value: string) => ({ action: 'set_asset_status', status: value });
const output = (key: string, value: unknown) => ({ action: 'set_output', key, value });

onEveryDatabase('triggers of workflows', (dialect) => {
  let plant: Plant;
  beforeAll(async () => {
    plant = await plantOn(dialect);
  });
  afterAll(() => plant.close());
  /** Each test has the site to itself: no workflow of the one before is active. */
  beforeEach(async () => {
    const { results } = await plant.read('workflow-definitions/?is_active=true&page_size=500');
    for (const { id } of results)
      await plant.app.call('PATCH', `workflow-definitions/${id}/`, { body: { is_active: false } });
  });

  const onScan = (steps: object[], more: object = {}) => plant.define(steps, { trigger_type: 'on_scan', ...more });
  const onChange = (steps: object[], more: object = {}) =>
    plant.define(steps, { trigger_type: 'on_status_change', ...more });
  const setStatus = ({ id }: { id: number }, value: string) =>
    plant.app.call('PATCH', `assets/${id}/`, { body: { status: value } });
  const now = ({ id }: { id: number }) => plant.read(`assets/${id}/`);
  const scan = (raw_value: string, more: object = {}) => plant.make('scan-events/', { raw_value, ...more });

  it('on_scan runs for a scan, with its asset', async () => {
    const asset = await plant.asset();
    const fields = { seen: '{{scan_event.raw_value}}', on: '{{context.event_name}}' };
    const flow = await onScan([{ action: 'update_asset_custom_fields', fields }], {
      entry_conditions: { asset_state: 'active' },
    });
    const event = await scan(asset.asset_tag);
    await plant.settled();
    expect((await now(asset)).custom_fields).toEqual({ seen: asset.asset_tag, on: 'scan.created' });
    const [run] = await plant.runs(flow.id);
    expect(run).toMatchObject({ status: 'success', asset: asset.id, scan_event: event.id });
    expect(run.input_data).toMatchObject({ trigger: 'on_scan', event: 'scan.created', scan_event_id: event.id });
    await setStatus(asset, 'lost');
    await scan(asset.asset_tag);
    await plant.settled();
    expect(await plant.runs(flow.id)).toHaveLength(1);
  });

  it('on_scan runs for an unknown code too, and for a rejected scan', async () => {
    const unknown = await onScan([{ action: 'create_asset', asset_tag: '{{scan_event.raw_value}}', name: 'Found' }], {
      entry_conditions: [
        { field: 'asset', operator: 'exists', value: false },
        { field: 'scan_event.status', operator: 'equals', value: 'validated' },
      ],
    });
    const rejected = await onScan([output('why', '{{scan_event.validation_errors}}')], {
      entry_conditions: { 'context.event_name': 'scan.rejected' },
    });
    const tag = unique('FOUND');
    await scan(tag);
    await scan('4006381333932', { symbology: 'ean13' });
    await plant.settled();
    const made = await plant.read(`assets/by-tag/${tag}/`);
    expect(await plant.runs(unknown.id)).toMatchObject([{ status: 'success', asset: made.id }]);
    expect(await plant.runs(rejected.id)).toMatchObject([{ output_data: { why: [expect.any(String)] } }]);
  });

  it('on_status_change knows what the status was and is', async () => {
    const asset = await plant.asset();
    const entry_conditions = [
      { field: 'previous_status', operator: 'equals', value: 'active' },
      { field: 'new_status', operator: 'equals', value: 'in_maintenance' },
    ];
    const flow = await onChange(
      [{ action: 'create_maintenance_record', notes: '{{previous_status}} > {{new_status}}' }],
      {
        entry_conditions,
      },
    );
    await plant.app.call('PATCH', `assets/${asset.id}/`, { body: { name: 'Other' } });
    await setStatus(asset, 'in_maintenance');
    await setStatus(asset, 'active');
    await plant.settled();
    expect(await plant.runs(flow.id)).toMatchObject([{ status: 'success', asset: asset.id }]);
    const { results } = await plant.read(`maintenance-records/?asset=${asset.id}`);
    expect(results).toMatchObject([{ notes: 'active > in_maintenance' }]);
  });

  it('one workflow leads to the next, and history shows both', async () => {
    const asset = await plant.asset();
    const first = await onScan([{ action: 'update_asset_custom_fields', fields: { a: 1 } }, status('in_maintenance')]);
    const second = await onChange([{ action: 'create_maintenance_record', notes: 'after the scan' }], {
      entry_conditions: { new_status: 'in_maintenance' },
    });
    await scan(asset.asset_tag);
    await plant.settled();
    expect(await plant.runs(first.id)).toMatchObject([{ status: 'success' }]);
    expect(await plant.runs(second.id)).toMatchObject([{ status: 'success' }]);
    const history = (await plant.read(`assets/${asset.id}/history/?ordering=id`)).results;
    expect(
      history.map((row: { event_type: string; actor_label: string }) => [row.event_type, row.actor_label]),
    ).toEqual([
      ['create', 'plant-admin'],
      ['scan', 'plant-admin'],
      ['update', `workflow:${first.name}`],
      ['maintain', `workflow:${first.name}`],
      ['maintain', `workflow:${second.name}`],
    ]);
  });

  it('stops a ring at the set depth with a failed run', async () => {
    const asset = await plant.asset();
    const ping = await onChange([status('lost')], { entry_conditions: { new_status: 'active' } });
    const pong = await onChange([status('active')], { entry_conditions: { new_status: 'lost' } });
    await setStatus(asset, 'lost');
    await plant.settled();
    const runs = [...(await plant.runs(ping.id)), ...(await plant.runs(pong.id))];
    const failed = runs.filter((run) => run.status === 'failed');
    expect([runs.length, failed.length]).toEqual([maxDepth + 1, 1]);
    expect(failed[0].error).toMatch(/^Stopped: 3 workflows have led to each other already\. .*ASSETRA_WORKFLOW_DEPTH/);
  });

  it('a failing workflow harms no other of the same event', async () => {
    const asset = await plant.asset();
    const fields = (n: number) => [{ action: 'update_asset_custom_fields', fields: { n } }];
    const flows = [
      await onScan(fields(1)),
      await onScan([...fields(2), status('eaten')]),
      await onScan([output('n', '{{asset.custom_fields.n}}')]),
    ];
    await scan(asset.asset_tag);
    await plant.settled();
    const runs = await Promise.all(flows.map(async ({ id }) => (await plant.runs(id))[0]));
    expect(runs.map((run) => run.status)).toEqual(['success', 'failed', 'success']);
    expect([runs[2].output_data.n, (await now(asset)).custom_fields]).toEqual([1, { n: 1 }]);
  });

  it('runs once for an event, however often the job comes', async () => {
    const asset = await plant.asset();
    const flow = await onScan([{ action: 'create_history' }]);
    await scan(asset.asset_tag);
    await plant.settled();
    const [event] = await plant.app.database.query<{ id: number }>('SELECT MAX(id) AS id FROM outbox_events');
    const late = await onScan([output('x', 1)]);
    await plant.settle('workflow.trigger', { event: event!.id });
    await plant.settle('workflow.trigger', { event: event!.id });
    await plant.settle('workflow.trigger', { event: 999_999_999 });
    expect([(await plant.runs(flow.id)).length, (await plant.runs(late.id)).length]).toEqual([1, 1]);
  });

  it('many scans at once each run once', async () => {
    const asset = await plant.asset({ custom_fields: { n: 0 } });
    const flow = await onScan([{ action: 'create_history', new_state: { scan: '{{scan_event.id}}' } }]);
    const scans = await Promise.all(Array.from({ length: 12 }, () => scan(asset.asset_tag)));
    await plant.settled();
    const runs = await plant.runs(flow.id);
    expect(runs.map((run) => run.status)).toEqual(Array(12).fill('success'));
    expect(runs.map((run) => run.scan_event).sort((a, b) => a - b)).toEqual(
      scans.map(({ id }) => id).sort((a, b) => a - b),
    );
  });

  it('takes no event that a workflow sends under the name of one of ours', async () => {
    const asset = await plant.asset();
    const flow = await onScan([output('x', 1)]);
    const change = await onChange([output('x', 1)]);
    const { id } = await plant.define(
      ['scan.created', 'asset.status_changed'].map((event) => ({ action: 'dispatch_webhook', event })),
    );
    expect((await plant.execute(id, { asset_id: asset.id })).body.runs[0].status).toBe('success');
    await plant.settled();
    expect([await plant.runs(flow.id), await plant.runs(change.id)]).toEqual([[], []]);
  });

  it('does nothing for an asset that is gone meanwhile but fail', async () => {
    const asset = await plant.asset();
    const flow = await onChange([status('active')], { entry_conditions: { new_status: 'lost' } });
    await setStatus(asset, 'lost');
    await plant.settled();
    const [event] = await plant.app.database.query<{ id: number }>(
      "SELECT MAX(id) AS id FROM outbox_events WHERE name = 'asset.status_changed' AND entity_id = ? AND depth = 0",
      [asset.id],
    );
    expect((await plant.app.call('DELETE', `assets/${asset.id}/`)).status).toBe(204);
    const late = await onChange([status('active')], { entry_conditions: { new_status: 'lost' } });
    await plant.settle('workflow.trigger', { event: event!.id });
    expect(await plant.runs(late.id)).toMatchObject([
      { status: 'failed', asset: null, error: expect.stringContaining('has no asset') },
    ]);
    expect(await plant.runs(flow.id)).toMatchObject([{ status: 'success', asset: null }]);
  });
});
