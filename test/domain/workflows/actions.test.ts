import { afterAll, beforeAll, expect, it } from 'vitest';
import { onEveryDatabase } from '../../support/databases.ts';
import { unique } from '../../support/samples.ts';
import { type Plant, plantOn } from './plant.ts';

onEveryDatabase('actions of workflows', (dialect) => {
  let plant: Plant;
  beforeAll(async () => {
    plant = await plantOn(dialect);
  });
  afterAll(() => plant.close());

  /** Runs these steps on an asset, which must succeed. */
  const runOn = async (asset: { id: number } | null, steps: object[], more: object = {}) => {
    const { id } = await plant.define(steps);
    const { body } = await plant.execute(id, { ...(asset && { asset_id: asset.id }), ...more });
    expect(body).toMatchObject({ run_count: 1, runs: [{ status: 'success', error: '' }] });
    return body.runs[0];
  };
  /** Runs them, and answers why it failed. */
  const fault = async (asset: { id: number } | null, steps: object[], more: object = {}) => {
    const { id } = await plant.define(steps);
    const { status, body } = await plant.execute(id, { ...(asset && { asset_id: asset.id }), ...more });
    expect([status, body]).toMatchObject([200, { run_count: 1, runs: [{ status: 'failed', output_data: {} }] }]);
    return body.runs[0].error;
  };
  const historyOf = async ({ id }: { id: number }) => (await plant.read(`assets/${id}/history/?ordering=id`)).results;
  const now = ({ id }: { id: number }) => plant.read(`assets/${id}/`);

  it.each(['update_asset_status', 'set_asset_status'])(
    '%s changes the status, in the name of the workflow',
    async (action) => {
      const asset = await plant.asset();
      const { id, name } = await plant.define([{ action, status: 'retired' }]);
      const { body } = await plant.execute(id, { asset_id: asset.id });
      expect(body.runs[0]).toMatchObject({
        workflow: id,
        workflow_name: name,
        asset: asset.id,
        asset_tag: asset.asset_tag,
      });
      const { status, retired_at } = await now(asset);
      expect([status, retired_at]).toEqual(['retired', expect.any(String)]);
      expect((await historyOf(asset)).at(-1)).toMatchObject({
        event_type: 'retire',
        actor: null,
        actor_label: `workflow:${name}`,
        previous_state: { status: 'active', retired_at: null },
      });
      expect(await fault(asset, [{ action, status: 'eaten' }])).toBe(
        `Step 1 (${action}): status: "eaten" is not a valid choice. Choose one of: active, in_maintenance, retired, lost.`,
      );
    },
  );

  it('update_asset_custom_fields adds to those there are', async () => {
    const asset = await plant.asset({ custom_fields: { colour: 'red', hours: 4 } });
    const fields = {
      hours: '{{context.hours}}',
      seen: '{{scan_event.raw_value}}',
      note: 'was {{asset.custom_fields.hours}}',
    };
    await runOn(asset, [{ action: 'update_asset_custom_fields', fields }], { context: { hours: 5 } });
    expect((await now(asset)).custom_fields).toEqual({ colour: 'red', hours: 5, seen: null, note: 'was 4' });
  });

  it('create_asset makes one, which is the asset of what follows where there was none', async () => {
    const asset_tag = unique('MADE');
    const category = await plant.make('asset-categories/', { name: 'Made', code: unique('C') });
    const steps = [
      { action: 'create_asset', asset_tag: '{{context.tag}}', name: 'Made of {{context.tag}}', category: category.id },
      { action: 'set_asset_status', status: 'in_maintenance' },
      { action: 'set_output', key: 'made', value: '{{output.steps.0.asset_id}}' },
    ];
    const run = await runOn(null, steps, { context: { tag: asset_tag } });
    const made = await plant.read(`assets/by-tag/${asset_tag}/`);
    expect(made).toMatchObject({ name: `Made of ${asset_tag}`, status: 'in_maintenance', category: category.id });
    expect([run.asset, run.asset_tag, run.output_data.made]).toEqual([made.id, asset_tag, made.id]);
    const asset = await plant.asset();
    const other = unique('MADE');
    expect((await runOn(asset, [{ ...steps[0], asset_tag: other }, steps[1]!])).asset).toBe(asset.id);
    expect((await now(asset)).status).toBe('in_maintenance');
    expect((await plant.read(`assets/by-tag/${other}/`)).status).toBe('active');
    expect(await fault(null, [{ action: 'create_asset', asset_tag: other, name: 'x' }])).toBe(
      'Step 1 (create_asset): Another asset with this asset_tag already exists.',
    );
    expect(await fault(null, [{ action: 'create_asset', asset_tag: unique('M'), name: '{{context.name}}' }])).toBe(
      'Step 1 (create_asset): name: This field is required.',
    );
  });

  it('move_asset finds the location by id, by code and by a name of its own', async () => {
    const [a, b, c] = await Promise.all(
      ['A', 'B', 'C'].map((name) => plant.make('locations/', { name: unique(`Hall ${name}`), code: unique('H') })),
    );
    const asset = await plant.asset();
    const move = (location: unknown) => [{ action: 'move_asset', location }];
    for (const [location, at] of [
      [a.id, a],
      [b.code, b],
      [c.name, c],
      ['{{context.to}}', a],
    ] as const) {
      await runOn(asset, move(location), { context: { to: a.code } });
      expect((await now(asset)).current_location).toBe(at.id);
    }
    expect((await historyOf(asset)).at(-1)).toMatchObject({ event_type: 'move', location: a.id });
    await plant.make('locations/', { name: a.name, code: unique('H') });
    expect(await fault(asset, move(a.name))).toContain(
      `location: Several locations are named "${a.name}". Give the code`,
    );
    expect(await fault(asset, move('nowhere'))).toContain(
      'location: There is no location with the code or name "nowhere".',
    );
    const foreign = await plant.app.call('POST', 'locations/', {
      tenant: plant.app.other,
      body: { name: 'x', code: 'X1' },
    });
    expect(await fault(asset, move(foreign.body.id))).toContain('current_location: Location not found.');
    expect(await fault(asset, move('{{context.to}}'))).toBe('Step 1 (move_asset): location: This field is required.');
  });

  it('create_maintenance_record plans upkeep: when it says, else at once', async () => {
    const asset = await plant.asset();
    const before = new Date().toISOString();
    const steps = [
      { action: 'create_maintenance_record', notes: '{{asset.asset_tag}} broke' },
      { action: 'create_maintenance_record', scheduled_at: '{{context.when}}' },
    ];
    const run = await runOn(asset, steps, { context: { when: '2027-01-31T08:00:00+01:00' } });
    const records = (await plant.read(`maintenance-records/?asset=${asset.id}&ordering=id`)).results;
    expect(records).toMatchObject([
      { notes: `${asset.asset_tag} broke`, performed_at: null },
      { notes: '', scheduled_at: '2027-01-31T07:00:00.000Z' },
    ]);
    expect(records[0].scheduled_at >= before).toBe(true);
    expect(run.output_data.steps[1]).toEqual({
      action: 'create_maintenance_record',
      maintenance_record_id: records[1].id,
    });
    expect(await fault(asset, [steps[1]!], { context: { when: 'soon' } })).toMatch(
      /^Step 1 \(create_maintenance_record\): scheduled_at: Datetime has wrong format\./,
    );
  });

  it.each(['create_audit_log', 'create_history'])('%s writes a record of the asset', async (action) => {
    const asset = await plant.asset();
    const states = { previous_state: { a: 1 }, new_state: { tag: '{{asset.asset_tag}}', by: '{{context.by}}' } };
    await runOn(asset, [{ action, event_type: 'inspect', ...states }, { action }], { context: { by: 'the gate' } });
    const [first, second] = (await historyOf(asset)).slice(-2);
    const new_state = { tag: asset.asset_tag, by: 'the gate' };
    expect(first).toMatchObject({ event_type: 'inspect', previous_state: { a: 1 }, new_state });
    expect(second).toMatchObject({ event_type: 'update', previous_state: {}, new_state: {} });
    expect(await fault(null, [{ action }])).toBe(
      `Step 1 (${action}): This run has no asset. Give it one, or let create_asset come before.`,
    );
  });

  it('validate_required_fields names what is missing', async () => {
    const asset = await plant.asset({ custom_fields: { serial: 'S1', note: '', list: [] } });
    const need = (fields: string[], source?: string) => [{ action: 'validate_required_fields', fields, source }];
    await runOn(asset, need(['name', 'serial', 'custom_fields.serial', 'asset.asset_tag']));
    await runOn(asset, need(['serial'], 'custom_fields'));
    await runOn(asset, need(['serial'], 'asset.custom_fields'));
    await runOn(null, need(['a.b'], 'context'), { context: { a: { b: 0 } } });
    expect(await fault(asset, need(['serial', 'note', 'list', 'description', 'nothing']))).toBe(
      'Step 1 (validate_required_fields): fields: Missing: note, list, description, nothing.',
    );
    expect(await fault(asset, need(['serial'], 'context'))).toContain('Missing: serial.');
    expect(await fault(null, need(['name', 'constructor']))).toContain('Missing: name, constructor.');
  });

  it('set_output keeps a value of any type for the steps that follow and for the run', async () => {
    const asset = await plant.asset({ custom_fields: { n: 4 } });
    const set = (key: string, value: unknown) => ({ action: 'set_output', key, value });
    const steps = [
      set('n', '{{asset.custom_fields.n}}'),
      set('list', ['{{output.n}}', 'x{{output.n}}']),
      set('off', false),
    ];
    const { output_data } = await runOn(asset, steps);
    expect(output_data).toEqual({
      n: 4,
      list: [4, 'x4'],
      off: false,
      steps: ['n', 'list', 'off'].map((key) => ({ action: 'set_output', key })),
    });
  });

  it('stops values that would grow without end', async () => {
    const double = { action: 'set_output', key: 'x', value: '{{output.x}}{{output.x}}' };
    const nest = { action: 'set_output', key: 'x', value: { a: '{{output.x}}', b: '{{output.x}}' } };
    for (const step of [double, nest]) {
      const steps = [{ action: 'set_output', key: 'x', value: '12345678' }, ...Array(60).fill(step)];
      expect(await fault(null, steps)).toMatch(/^Step \d+ \(set_output\): Its values are too long/);
    }
  });

  it('dispatch_webhook tells the endpoint that is named, else all that listen to the event', async () => {
    const hook = (name: string, events: string[]) =>
      plant.make('webhooks/', { name, direction: 'outbound', url: 'https://example.org/', events });
    const [deaf, keen] = [await hook(unique('deaf'), ['asset.created']), await hook(unique('keen'), ['gate.*'])];
    const asset = await plant.asset();
    const send = (more: object) => ({
      action: 'dispatch_webhook',
      event: 'gate.passed',
      payload: { tag: '{{asset.asset_tag}}' },
      ...more,
    });
    await runOn(
      asset,
      [
        send({}),
        send({ endpoint: deaf.id, event: 'own.name' }),
        send({ endpoint: deaf.name, payload: '{{context.all}}' }),
      ],
      {
        context: { all: { a: 1 } },
      },
    );
    const rows = await plant.app.database.query<{ endpoint_id: number; draft: string; depth: number }>(
      "SELECT d.endpoint_id, e.draft, e.depth FROM webhook_deliveries d JOIN outbox_events e ON e.id = d.event_id WHERE e.name IN ('gate.passed', 'own.name') ORDER BY e.id",
    );
    expect(rows.map(({ endpoint_id, depth }) => [endpoint_id, depth])).toEqual([
      [keen.id, 1],
      [deaf.id, 1],
      [deaf.id, 1],
    ]);
    const told = rows.map(({ draft }) => JSON.parse(draft.replace('"sequence":?', '"sequence":0')));
    expect(told[0]).toMatchObject({ event: 'gate.passed', asset_id: asset.id, data: { tag: asset.asset_tag } });
    expect([told[1].event, told[2].data]).toEqual(['own.name', { a: 1 }]);
    const found = await plant.app.database.query<{ id: number | null }>(
      "SELECT change_id AS id FROM outbox_events WHERE name = 'gate.passed' AND sequence IS NULL AND change_id IS NULL",
    );
    expect(found).toEqual([]);
    expect(await fault(asset, [send({ endpoint: 'nobody' })])).toContain(
      'There is no outbound endpoint with this name: nobody.',
    );
    expect(await fault(asset, [send({ payload: '{{asset.name}}' })])).toContain(
      'payload: Expected a dictionary of items.',
    );
    const inbound = await plant.make('webhooks/', { name: unique('in'), direction: 'inbound' });
    expect(await fault(asset, [send({ endpoint: inbound.id })])).toContain(
      'There is no outbound endpoint with this id',
    );
  });

  it('print_label gives the label to a printer, the default one unless it says which', async () => {
    const asset = await plant.asset();
    expect(await fault(asset, [{ action: 'print_label' }])).toBe(
      'Step 1 (print_label): printer: There is none yet. Set one up with `assetra printer add`.',
    );
    const url = 'tcp://127.0.0.1:9';
    const [one, two] = [await plant.make('printers/', { name: unique('P'), url, is_default: true }), unique('P')];
    await plant.make('printers/', { name: two, url });
    const run = await runOn(asset, [
      { action: 'print_label' },
      { action: 'print_label', printer: two, template: '25x25' },
      { action: 'set_output', key: 'job', value: '{{output.steps.0.print_job_id}}' },
    ]);
    expect(await plant.read(`print-jobs/${run.output_data.job}/`)).toMatchObject({ printer: one.id, total: 1 });
    const [{ reprint, code_value }] = (await plant.read(`print-jobs/${run.output_data.job}/labels/`)).results;
    expect([code_value, reprint]).toEqual([asset.asset_tag, false]);
    expect(await fault(asset, [{ action: 'print_label', printer: 'none' }])).toContain('There is no printer "none".');
  });

  it('a placeholder that can never name anything fails the run', async () => {
    const asset = await plant.asset();
    expect(await fault(asset, [{ action: 'set_output', key: 'x', value: '{{asset.colour}}' }])).toBe(
      'Step 1 (set_output): {{asset.colour}} names nothing: asset has no field "colour".',
    );
  });

  it('refuses what cannot be stored or sent, in words', async () => {
    const asset = await plant.asset();
    const move = [{ action: 'move_asset', location: '{{context.to}}' }];
    for (const to of ['a\0b', 'a\ud800b'])
      expect(await fault(asset, move, { context: { to } })).toBe(
        'Step 1 (move_asset): Its values hold a null character, or half a character.',
      );
    expect(await fault(asset, move, { context: { to: '\\u0000 😀' } })).toContain(
      'no location with the code or name "\\u0000 😀"',
    );
    expect(await fault(asset, [{ action: 'set_output', key: 'x', value: '{{a\0b}}' }])).toContain(
      '{{a\ufffdb}} names nothing.',
    );
    const send = [{ action: 'dispatch_webhook', event: '{{context.to}}' }];
    for (const to of ['a\nb', 'é', 'x'.repeat(121)])
      expect(await fault(asset, send, { context: { to } })).toMatch(
        /^Step 1 \(dispatch_webhook\): event: Use at most 120/,
      );
  });

  it('keeps the rules of forms', async () => {
    const form = {
      name: unique('F'),
      target_model: 'asset',
      schema: { fields: { serial: { type: 'text' } } },
      required_fields: ['serial'],
    };
    const { id } = await plant.make('form-definitions/', form);
    const asset = await plant.app.database.query<{ id: number }>('SELECT MIN(id) AS id FROM assets');
    const fields = { colour: 'blue' };
    expect(await fault(asset[0]!, [{ action: 'update_asset_custom_fields', fields }])).toContain(
      'custom_fields.serial: This field is required.',
    );
    await plant.app.call('DELETE', `form-definitions/${id}/`);
  });
});
