import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestApp, testApp } from '../../support/app.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { unique } from '../../support/samples.ts';

const step = { action: 'update_asset_status', status: 'active' };

onEveryDatabase('workflows', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
  });
  afterAll(() => app.close());

  const define = (body: object) =>
    app.call('POST', 'workflow-definitions/', {
      body: { name: unique('Flow'), trigger_type: 'manual', steps: [step], ...body },
    });
  const refused = async (body: object) => {
    const answer = await define(body);
    expect(answer.status).toBe(400);
    return answer.body;
  };

  it('refuses a trigger that is none, in the words of the older service', async () => {
    const text = 'Invalid trigger type. Supported: on_scan, on_status_change, manual, on_time';
    for (const trigger_type of ['on_whim', 5, '', null])
      expect(await refused({ trigger_type })).toEqual({ trigger_type: [text] });
    expect(await refused({ trigger_type: undefined })).toEqual({ trigger_type: ['This field is required.'] });
    const { id } = (await define({})).body;
    const changed = await app.call('PATCH', `workflow-definitions/${id}/`, { body: { trigger_type: 'on_whim' } });
    expect([changed.status, changed.body]).toEqual([400, { trigger_type: [text] }]);
  });

  it('names the step and the key that are wrong', async () => {
    const required = ['This field is required.'];
    const body = await refused({
      steps: [
        { action: 'explode' },
        step,
        {},
        { action: 'create_asset', name: '' },
        { action: 'move_asset', location: {} },
      ],
    });
    expect(body).toEqual({
      steps: {
        0: { action: [expect.stringMatching(/^Invalid action\. Supported: create_asset, update_asset_status, /)] },
        2: { action: required },
        3: { asset_tag: required, name: ['Not a valid string.'] },
        4: { location: ['Expected an id, a name or {{path}}.'] },
      },
    });
    expect(await refused({ steps: [] })).toEqual({ steps: ['At least one step is required.'] });
    expect(await refused({ steps: undefined })).toEqual({ steps: required });
    expect(Object.keys(await refused({ steps: [{ action: 'constructor' }] }))).toEqual(['steps']);
  });

  it('names what no step can do with, and leaves placeholders to the run', async () => {
    const { steps } = await refused({
      steps: [
        { action: 'create_history', event_type: 'party' },
        { action: 'set_output', key: 'steps', value: 1 },
        { action: 'dispatch_webhook', event: 'größe' },
        { action: 'create_maintenance_record', scheduled_at: 'soon' },
        { action: 'set_output', key: 'x' },
      ],
    });
    expect(steps).toEqual({
      0: { event_type: [expect.stringMatching(/^Invalid event type\. Supported: create, /)] },
      1: { key: ['This key is taken: what each step did is written there.'] },
      2: { event: ['Use at most 120 letters without accents, digits and signs.'] },
      3: { scheduled_at: [expect.stringMatching(/^Datetime has wrong format\./)] },
      4: { value: ['This field is required.'] },
    });
    const filledIn = [
      { action: 'create_history', event_type: '{{context.type}}', new_state: '{{context.state}}' },
      { action: 'dispatch_webhook', event: '{{context.event}}', payload: '{{context}}', endpoint: '{{context.to}}' },
      { action: 'create_maintenance_record', scheduled_at: '{{now}}', notes: '' },
      { action: 'validate_required_fields', fields: '{{context.fields}}' },
      { action: 'set_output', key: 'x', value: null },
    ];
    expect((await define({ steps: filledIn })).status).toBe(201);
  });

  it('names the condition and the key that are wrong', async () => {
    const condition = { field: 'asset.status', operator: 'equals', value: 'lost' };
    const entry_conditions = [
      condition,
      { operator: 'like', value: 1 },
      { field: 'x', operator: 'in', value: 'y' },
      { field: 'x', operator: 'matches', value: '(' },
      { field: 'x', operator: 'exists' },
      { field: 'x', operator: 'gt' },
      { field: 'x', operator: 'matches', value: 'a'.repeat(201) },
      { field: 'x', operator: 'matches', value: 5 },
    ];
    const body = await refused({ entry_conditions });
    expect(Object.keys(body.entry_conditions)).toEqual(['1', '2', '3', '5', '6', '7']);
    expect(body.entry_conditions[3].value[0]).toMatch(/^Not a valid pattern: .*parenthes|group/);
    expect(body.entry_conditions[1]).toEqual({
      field: ['This field is required.'],
      operator: [expect.stringMatching(/^Invalid operator\. Supported: equals, /)],
    });
  });

  it.each([
    [[{ field: 'asset_state', operator: 'in', value: ['lost', 'retired'] }]],
    [{ 'asset.status': 'lost' }],
    [[]],
    [{}],
  ])('keeps the entry conditions %j as they came', async (entry_conditions) => {
    const { status, body } = await define({ entry_conditions });
    expect(status).toBe(201);
    const read = (await app.call('GET', `workflow-definitions/${body.id}/`)).body;
    expect(read.entry_conditions).toEqual(entry_conditions);
  });

  it('asks for a schedule where it runs on time', async () => {
    const on_time = (entry_conditions: unknown) => define({ trigger_type: 'on_time', entry_conditions });
    expect((await on_time({})).body).toHaveProperty(['entry_conditions', 'cron']);
    expect((await on_time({ cron: 'daily' })).body.entry_conditions).toEqual({
      cron: ['Not a valid cron expression.'],
    });
    expect((await on_time({ cron: '0 6 * * 1', timezone: 'Mars/Olympus' })).body).toHaveProperty([
      'entry_conditions',
      'timezone',
    ]);
    expect((await on_time({ cron: '0 6 * * 1', timezone: 'Europe/Berlin' })).status).toBe(201);
    const listed = [{ field: 'cron', operator: 'equals', value: '*/5 * * * *' }];
    const { id } = (await on_time(listed)).body;
    const change = (body: object) => app.call('PATCH', `workflow-definitions/${id}/`, { body });
    expect((await change({ entry_conditions: [] })).status).toBe(400);
    expect((await change({ trigger_type: 'manual', entry_conditions: [] })).status).toBe(200);
  });

  it('lists runs with their names, newest first, and keeps a workflow that has run', async () => {
    const { id: workflow, name } = (await define({})).body;
    const asset = (await app.call('POST', 'assets/', { body: { asset_tag: unique('W'), name: 'x' } })).body;
    const run = (status: string, created_at: string) =>
      app.database.insert('workflow_runs', {
        ...{ tenant_id: app.plant.id, workflow_id: workflow, asset_id: asset.id, status, error: '' },
        ...{ context: '{"a":1}', input_data: '{}', output_data: '{}', created_at, updated_at: created_at },
      });
    const first = await run('failed', '2026-01-01T00:00:00.000Z');
    const second = await run('success', '2026-01-02T00:00:00.000Z');
    const listed = async (query: string) =>
      (await app.call('GET', `workflow-runs/?${query}`)).body.results.map((row: { id: number }) => row.id);
    expect(await listed(`workflow=${workflow}`)).toEqual([second, first]);
    expect(await listed(`asset=${asset.id}&status=failed`)).toEqual([first]);
    expect(await listed('scan_event=1')).toEqual([]);
    const row = (await app.call('GET', `workflow-runs/${first}/`)).body;
    expect(row).toMatchObject({ workflow_name: name, asset_tag: asset.asset_tag, context: { a: 1 } });
    expect((await app.call('DELETE', `workflow-definitions/${workflow}/`)).status).toBe(409);
    expect((await app.call('DELETE', `assets/${asset.id}/`)).status).toBe(204);
    expect((await app.call('GET', `workflow-runs/${first}/`)).body).toMatchObject({ asset: null, asset_tag: null });
    expect((await app.call('POST', 'workflow-runs/', { body: {} })).status).toBe(405);
  });
});
