import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Role } from '../../../src/db/context.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { unique } from '../../support/samples.ts';
import { contentOf, type Plant, plantOn } from './plant.ts';

const status = (value: string) => ({ action: 'set_asset_status', status: value });
const output = (key: string, value: unknown) => ({ action: 'set_output', key, value });

onEveryDatabase('runs of workflows', (dialect) => {
  let plant: Plant;
  beforeAll(async () => {
    plant = await plantOn(dialect);
  });
  afterAll(() => plant.close());

  const executeAs = (role: Role, id: number, body: object) =>
    plant.app.call('POST', `workflow-definitions/${id}/execute/`, { role, body });
  const metric = async (line: string) => {
    const found = (await plant.app.call('GET', '/metrics/')).text
      .split('\n')
      .find((text) => text.startsWith(`${line} `));
    return found === undefined ? 0 : Number(found.split(' ').at(-1));
  };

  it('keeps what it was run with, what came of it, and when', async () => {
    const asset = await plant.asset();
    const scan = await plant.make('scan-events/', { raw_value: asset.asset_tag });
    const { id, name } = await plant.define([output('tag', '{{asset.asset_tag}}'), status('lost')]);
    const body = { scan_event_id: scan.id, context: { by: 'hand' } };
    const answer = await plant.execute(id, body);
    expect(answer.status).toBe(200);
    const [run] = answer.body.runs;
    expect(answer.body).toEqual({ run_count: 1, runs: [run] });
    expect(run).toMatchObject({
      ...{ workflow: id, workflow_name: name, asset: asset.id, asset_tag: asset.asset_tag, scan_event: scan.id },
      ...{ status: 'success', error: '', context: { by: 'hand' } },
      input_data: { trigger: 'manual', by: 'plant-admin', asset_id: null, scan_event_id: scan.id, force: false },
      output_data: { tag: asset.asset_tag, steps: [{ action: 'set_output' }, { action: 'set_asset_status' }] },
    });
    expect([run.started_at <= run.completed_at, run.created_at]).toEqual([true, run.started_at]);
    expect(await plant.read(`workflow-runs/${run.id}/`)).toEqual(run);
    expect(await plant.runs(id)).toEqual([run]);
  });

  it('does all of its steps or none, and tells why', async () => {
    await plant.make('webhooks/', {
      name: unique('all'),
      direction: 'outbound',
      url: 'https://example.org/',
      events: ['workflow.*', 'x.*'],
    });
    const asset = await plant.asset({ custom_fields: { n: 1 } });
    const tag = unique('NEVER');
    const { id, name } = await plant.define([
      { action: 'update_asset_custom_fields', fields: { n: 2 } },
      { action: 'create_asset', asset_tag: tag, name: 'x' },
      { action: 'move_asset', location: 'nowhere' },
      { action: 'dispatch_webhook', event: 'x.done' },
    ]);
    const before = await contentOf(plant.app.database);
    const { status: code, body } = await plant.execute(id, { asset_id: asset.id });
    const error = 'Step 3 (move_asset): location: There is no location with the code or name "nowhere".';
    expect([code, body.runs]).toMatchObject([200, [{ status: 'failed', error, output_data: {}, asset: asset.id }]]);
    const after = await contentOf(plant.app.database);
    const changed = Object.keys(after).filter(
      (table) => JSON.stringify(after[table]) !== JSON.stringify(before[table]),
    );
    // The run, and that it is told; on SQLite the tables of its own counters go with it.
    const told = ['change_log', 'jobs', 'outbox_events', 'webhook_deliveries', 'workflow_runs'];
    expect(changed.filter((table) => !['sqlite_sequence', 'change_heads'].includes(table)).sort()).toEqual(told);
    for (const table of told) expect([table, after[table]!.length - before[table]!.length]).toEqual([table, 1]);
    const [event] = await plant.app.database.query<{ name: string; draft: string }>(
      'SELECT name, draft FROM outbox_events ORDER BY id DESC LIMIT 1',
    );
    const draft = JSON.parse(event!.draft.replace('"sequence":?', '"sequence":1'));
    expect(draft).toMatchObject({
      event: 'workflow.failed',
      workflow_run_id: body.runs[0].id,
      data: { error, workflow_name: name },
    });
  });

  it('says workflow.succeeded with the run', async () => {
    const { id } = await plant.define([output('x', 1)]);
    const run = (await plant.execute(id)).body.runs[0];
    const [event] = await plant.app.database.query<{ name: string; entity: string; draft: string }>(
      "SELECT name, entity, draft FROM outbox_events WHERE entity = 'workflow_run' AND entity_id = ?",
      [run.id],
    );
    expect(event).toMatchObject({ name: 'workflow.succeeded', entity: 'workflow_run' });
    expect(JSON.parse(event!.draft.replace('"sequence":?', '"sequence":1')).data).toEqual(run);
  });

  it('runs when the conditions hold, or by force', async () => {
    const asset = await plant.asset();
    const entry_conditions = [
      { field: 'asset_state', operator: 'equals', value: 'lost' },
      { field: 'context.from', operator: 'exists' },
    ];
    const { id } = await plant.define([status('active')], { entry_conditions });
    const asked = { asset_id: asset.id, context: { from: 'x' } };
    expect((await plant.execute(id, asked)).body).toEqual({ run_count: 0, runs: [] });
    expect(await plant.runs(id)).toEqual([]);
    expect((await plant.execute(id, { ...asked, force: true })).body.run_count).toBe(1);
    await plant.app.call('PATCH', `assets/${asset.id}/`, { body: { status: 'lost' } });
    expect((await plant.execute(id, asked)).body).toMatchObject({ run_count: 1, runs: [{ status: 'success' }] });
    expect((await plant.read(`assets/${asset.id}/`)).status).toBe('active');
  });

  it('takes the statuses of a change from the context', async () => {
    const entry_conditions = { previous_status: 'lost', new_status: 'active' };
    const { id } = await plant.define([output('x', '{{previous_status}} to {{new_status}}')], {
      trigger_type: 'on_status_change',
      entry_conditions,
    });
    expect((await plant.execute(id)).body.run_count).toBe(0);
    const { body } = await plant.execute(id, { context: entry_conditions });
    expect(body.runs[0].output_data.x).toBe('lost to active');
  });

  it('refuses what is not there, or of another tenant', async () => {
    const { id } = await plant.define([status('lost')]);
    const { other } = plant.app;
    const theirs = (path: string, body: object) => plant.app.call('POST', path, { tenant: other, body });
    const asset = (await theirs('assets/', { asset_tag: unique('O'), name: 'x' })).body;
    const scan = (await theirs('scan-events/', { raw_value: unique('O') })).body;
    const flow = (await theirs('workflow-definitions/', { name: 'x', trigger_type: 'manual', steps: [status('lost')] }))
      .body;
    for (const dry_run of [false, true]) {
      for (const [asset_id, scan_event_id] of [
        [asset.id, scan.id],
        [999_999_999, 999_999_999],
      ])
        expect(await plant.execute(id, { asset_id, scan_event_id, dry_run })).toMatchObject({
          status: 400,
          body: { asset_id: ['Asset not found.'], scan_event_id: ['Scan event not found.'] },
        });
      expect((await plant.execute(flow.id, { dry_run })).status).toBe(403);
      expect((await plant.execute(999_999_999, { dry_run })).status).toBe(404);
      expect((await plant.execute(id, { asset_id: 'x', context: [], force: 'yes', dry_run })).body).toEqual({
        asset_id: ['A valid number is required.'],
        context: ['Expected a dictionary of items but got type "list".'],
        force: ['Must be a valid boolean.'],
      });
    }
    expect((await plant.execute(id, { dry_run: 'yes' })).body).toEqual({ dry_run: ['Must be a valid boolean.'] });
    expect(await plant.runs(id)).toEqual([]);
  });

  it('does not run one that is not active, but previews it', async () => {
    const asset = await plant.asset();
    const { id } = await plant.define([status('lost')], { is_active: false });
    expect(await plant.execute(id, { asset_id: asset.id, force: true })).toMatchObject({
      status: 409,
      body: { detail: 'This workflow is not active. Set is_active first, or try it with dry_run.' },
    });
    expect((await plant.execute(id, { asset_id: asset.id, dry_run: true })).status).toBe(200);
  });

  it('lets operators run it, and everybody preview it', async () => {
    const asset = await plant.asset();
    const { id } = await plant.define([status('retired')]);
    const asked = { asset_id: asset.id };
    for (const role of ['auditor', 'read_only'] as const) {
      expect((await executeAs(role, id, asked)).status).toBe(403);
      expect((await executeAs(role, id, { ...asked, dry_run: 'true' })).status).toBe(403);
      expect((await executeAs(role, id, { ...asked, dry_run: true })).status).toBe(200);
    }
    expect((await plant.read(`assets/${asset.id}/`)).status).toBe('active');
    expect((await executeAs('operator', id, asked)).body.runs[0].input_data.by).toBe('plant-operator');
  });

  it('previews without writing a row anywhere', async () => {
    const { id: location } = await plant.make('locations/', { name: 'Hall', code: unique('H') });
    await plant.make('webhooks/', { name: unique('hook'), direction: 'outbound', url: 'https://example.org/' });
    const asset = await plant.asset();
    const entry_conditions = [{ field: 'asset.status', operator: 'in', value: ['active', 'lost'] }];
    const { id } = await plant.define(
      [
        { action: 'update_asset_status', status: 'retired' },
        { action: 'set_asset_status', status: 'active' },
        { action: 'update_asset_custom_fields', fields: { tag: '{{asset.asset_tag}}' } },
        { action: 'dispatch_webhook', event: 'x.y', payload: {} },
        { action: 'create_audit_log' },
        { action: 'create_history' },
        { action: 'validate_required_fields', fields: ['tag'] },
        output('x', '{{asset.custom_fields.tag}}'),
        { action: 'move_asset', location },
        { action: 'create_maintenance_record', notes: 'x' },
        { action: 'create_asset', asset_tag: unique('N'), name: 'x' },
      ],
      { entry_conditions },
    );
    await plant.settled();
    const before = await contentOf(plant.app.database);
    const headers = { 'Idempotency-Key': unique('key') };
    const answer = await plant.app.call('POST', `workflow-definitions/${id}/execute/`, {
      headers,
      body: { asset_id: asset.id, dry_run: true },
    });
    expect(await contentOf(plant.app.database)).toEqual(before);
    expect(answer.status).toBe(200);
    const { preview, ...rest } = answer.body;
    expect(rest).toEqual({ dry_run: true });
    expect(preview.message).toBe('Dry-run successful. No database changes made.');
    expect(preview.matched_entry_conditions).toEqual([{ ...entry_conditions[0], matched: true }]);
    expect(preview.simulated_steps.slice(0, 3)).toEqual([
      { action: 'update_asset_status', status: 'retired', success: true, note: 'Would update asset status' },
      { action: 'set_asset_status', status: 'active', success: true, note: 'Would update asset status' },
      {
        ...{ action: 'update_asset_custom_fields', fields: { tag: asset.asset_tag } },
        ...{ success: true, note: 'Would update asset custom fields' },
      },
    ]);
    expect(preview.simulated_steps.slice(3).map(({ note }: { note: string }) => note)).toEqual([
      'Would dispatch webhook',
      'Would create audit log',
      'Would create history record',
      'Would validate required fields',
      'Would set output',
      'Would move asset',
      'Would create maintenance record',
      'Would create asset',
    ]);
    expect(preview.simulated_steps[7].value).toBe(asset.asset_tag);
    // What it told is what then happens.
    expect((await plant.execute(id, { asset_id: asset.id })).body.runs[0].status).toBe('success');
    expect(await contentOf(plant.app.database)).not.toEqual(before);
  });

  it('previews where it would fail, and a workflow that would not run', async () => {
    const taken = await plant.asset();
    const steps = [
      output('x', 1),
      { action: 'create_asset', asset_tag: taken.asset_tag, name: 'x' },
      output('y', '{{asset.name}}'),
    ];
    const { id } = await plant.define(steps, { entry_conditions: { 'context.go': true } });
    const before = await contentOf(plant.app.database);
    const dry = async (more: object) => (await plant.execute(id, { dry_run: true, ...more })).body.preview;
    expect(await dry({})).toEqual({
      matched_entry_conditions: [{ field: 'context.go', operator: 'equals', value: true, matched: false }],
      simulated_steps: [],
      message: 'Dry-run successful. No database changes made.',
    });
    const failing = [
      { ...steps[0], success: true, note: 'Would set output' },
      {
        ...steps[1],
        success: false,
        note: 'Would create asset, but: Another asset with this asset_tag already exists.',
      },
      { ...steps[2], success: false, note: 'Would set output, but: a step before it fails.' },
    ];
    for (const more of [{ force: true }, { context: { go: true } }]) {
      const preview = await dry(more);
      expect(preview.simulated_steps).toEqual(failing);
      expect(preview.message).toBe('Dry-run failed at step 2. No database changes made.');
    }
    expect(await contentOf(plant.app.database)).toEqual(before);
  });

  it('is counted and timed by name', async () => {
    const { id, name } = await plant.define([status('lost')]);
    const total = (what: string) =>
      metric(`assetra_workflow_executions_total{workflow_name="${name}",status="${what}"}`);
    expect([await total('success'), await total('error')]).toEqual([0, 0]);
    await plant.execute(id, { asset_id: (await plant.asset()).id });
    await plant.execute(id);
    await plant.execute(id, { dry_run: true });
    expect([await total('success'), await total('error')]).toEqual([1, 1]);
    expect(await metric(`assetra_workflow_execution_duration_seconds_count{workflow_name="${name}"}`)).toBe(2);
  });

  it('answers the first run again to the same Idempotency-Key', async () => {
    const { id } = await plant.define([output('x', 1)]);
    const headers = { 'Idempotency-Key': unique('key') };
    const send = () => plant.app.call('POST', `workflow-definitions/${id}/execute/`, { headers, body: {} });
    const first = await send();
    expect((await send()).body).toEqual(first.body);
    expect(await plant.runs(id)).toHaveLength(1);
  });
});
