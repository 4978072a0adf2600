import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { faultsOf } from '../../src/domain/forms/check.ts';
import { targetOf } from '../../src/domain/forms/resource.ts';
import * as scans from '../../src/domain/scans/service.ts';
import { type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { unique } from '../support/samples.ts';

const form = (fields: object, more: object = {}) =>
  ({ schema: { fields }, required_fields: [], validation_rules: [], ...more }) as never;

describe('a submission', () => {
  it.each([
    [{ type: 'text', min_length: 2, max_length: 3 }, ['ab', 'abc'], ['a', 'abcd', 5, true]],
    [{ type: 'text', pattern: '[A-Z]{2}\\d+' }, ['AB1'], ['xAB1', 'AB1x', 'ab1']],
    [{ type: 'integer', min: 1, max: 3 }, [1, 3], [0, 4, 1.5, '2', 2 ** 60]],
    [{ type: 'number', min: 0.5 }, [0.5, 1e9], [0.4, '1', true]],
    [{ type: 'boolean' }, [true, false], [0, 'true']],
    [{ type: 'date', min: '2026-01-01' }, ['2026-01-01', '2028-02-29'], ['2025-12-31', '2026-02-30', '1.1.2026', 5]],
    [{ type: 'datetime', max: '2026-01-01T00:00:00Z' }, ['2026-01-01T01:00:00+02:00'], ['2026-01-01T00:00:01Z', 'x']],
    [{ type: 'choice', choices: ['a', 2] }, ['a', 2], ['b', '2', ['a']]],
    [{ type: 'choices', choices: ['a', 'b'] }, [['a'], ['b', 'a'], []], ['a', ['c'], ['a', 'c']]],
  ])('field %j takes %j and refuses %j', (spec, right, wrong) => {
    for (const value of right) expect([value, faultsOf(form({ f: spec }), { f: value })]).toEqual([value, {}]);
    for (const value of wrong) expect([value, faultsOf(form({ f: spec }), { f: value }).f?.length]).toEqual([value, 1]);
  });

  it('lacks what is required, by either way of saying so, and nothing else', () => {
    const both = form(
      { a: { type: 'text', required: true }, b: {}, c: {} },
      { required_fields: ['b', 'd', 'toString'] },
    );
    const required = ['This field is required.'];
    expect(faultsOf(both, { a: '', d: null })).toEqual({ a: required, b: required, d: required, toString: required });
    expect(faultsOf(form({ c: {} }), { other: 1 })).toEqual({});
  });

  it('is held against rules between fields', () => {
    const rules = form(
      {},
      {
        validation_rules: [
          { field: 'end', operator: 'gte', other_field: 'start' },
          { field: 'reason', operator: 'required', when: { field: 'result', operator: 'equals', value: 'failed' } },
          { field: 'volts', operator: 'lt', value: 250, message: 'Too much.' },
        ],
      },
    );
    expect(faultsOf(rules, { start: 2, end: 3, result: 'passed', volts: 230 })).toEqual({});
    expect(faultsOf(rules, { start: 2, end: 1, result: 'failed', volts: 400 })).toEqual({
      end: ['This must be greater than or equal to start.'],
      reason: ['This field is required.'],
      volts: ['Too much.'],
    });
    expect(faultsOf(rules, { start: '2026-01-01T00:00:00+05:00', end: '2025-12-31T20:00:00Z' })).toEqual({});
  });

  it('is refused soon by a pattern that would take for ever', () => {
    // Without a limit it would take longer than anybody lives.
    expect(faultsOf(form({ f: { pattern: '(a+)+' } }), { f: `${'a'.repeat(60)}!` })).toHaveProperty('f');
  });

  it('is refused soon by hundreds of such patterns', () => {
    const fields = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`f${n}`, { pattern: '(a+)+' }]));
    const data = Object.fromEntries(Object.keys(fields).map((key) => [key, `${'a'.repeat(60)}!`]));
    // With the limit of a single one for each, this test would run out of its time.
    expect(Object.keys(faultsOf(form(fields), data))).toHaveLength(200);
    expect(faultsOf(form({ f: { pattern: '[a-z]+' } }), { f: 'abc' })).toEqual({});
  });
});

it.each([
  ['Asset', 'asset'],
  ['assets', 'asset'],
  ['MaintenanceRecord', 'maintenance_record'],
  ['inspection-records', 'inspection_record'],
  ['glass', 'glass'],
])('the target %s is %s', (name, target) => expect(targetOf(name)).toBe(target));

onEveryDatabase('form definitions', (dialect) => {
  let app: TestApp;
  const made: number[] = [];
  beforeAll(async () => {
    app = await testApp(dialect);
  });
  afterEach(async () => {
    for (const id of made.splice(0)) await app.call('DELETE', `form-definitions/${id}/`);
  });
  afterAll(() => app.close());

  const define = async (body: object) => {
    const answer = await app.call('POST', 'form-definitions/', {
      body: { name: unique('F'), target_model: 'x', ...body },
    });
    if (answer.status === 201) made.push(answer.body.id);
    return answer;
  };
  const required = ['This field is required.'];

  it.each([
    [{ fields: { a: { type: 'colour' } } }, ['fields', 'a', 'type']],
    [{ fields: { a: { type: 'text', min: 1 } } }, ['fields', 'a', 'min']],
    [{ fields: { a: { type: 'text', min_length: 5, max_length: 4 } } }, ['fields', 'a', 'max_length']],
    [{ fields: { a: { type: 'date', max: 'soon' } } }, ['fields', 'a', 'max']],
    [{ fields: { a: { pattern: '(' } } }, ['fields', 'a', 'pattern']],
    [{ fields: { a: { pattern: 'a)|(?:b' } } }, ['fields', 'a', 'pattern']],
    [{ fields: { a: { pattern: 'a'.repeat(201) } } }, ['fields', 'a', 'pattern']],
    [{ fields: { a: { type: 'choice' } } }, ['fields', 'a', 'choices']],
    [{ fields: [{ name: 'a' }, { type: 'text' }] }, ['fields', '1', 'name']],
    [{ fields: [{ name: 'a' }, { name: 'a' }] }, ['fields', '1', 'name']],
    [{ fields: { a: 'text' } }, ['fields', 'a']],
    [{ title: 'no fields' }, ['fields']],
  ])('refuses the schema %j, naming the key', async (schema, path) => {
    const { status, body } = await define({ schema });
    expect(status).toBe(400);
    expect(body).toHaveProperty(['schema', ...path]);
  });

  it('is found by its target, however that is written', async () => {
    const target_model = unique('SiteVisit').replace('-', '');
    const { id } = (await define({ target_model })).body;
    const found = await app.call('GET', `form-definitions/?target_model=${target_model}`);
    expect(found.body.results.map((row: { id: number }) => row.id)).toEqual([id]);
  });

  it('names keys that it does not know, and faulty rules', async () => {
    expect((await define({ schema: { fields: { a: { typ: 'text' } } } })).body.schema).toEqual({
      fields: { a: ['Unknown: typ.'] },
    });
    expect((await define({ schema: { fields: {}, colour: 1 } })).body).toEqual({ schema: ['Unknown: colour.'] });
    const rules = [
      { field: 'a', operator: 'gt' },
      { field: 'a', operator: 'like', value: 1 },
    ];
    const { body } = await define({ validation_rules: rules });
    expect(body.validation_rules).toMatchObject({
      0: { value: [expect.any(String)] },
      1: { operator: [expect.any(String)] },
    });
  });

  it('checks a submission for anyone, and stores nothing', async () => {
    const { id } = (await define({ is_active: false, required_fields: ['a'] })).body;
    const check = (data: object) =>
      app.call('POST', `form-definitions/${id}/validate/`, { role: 'read_only', body: { data } });
    expect((await check({ a: 1 })).body).toEqual({ valid: true, errors: {} });
    expect((await check({})).body).toEqual({ valid: false, errors: { a: required } });
  });

  it('is enforced on the custom fields of assets, and only where they are written', async () => {
    const old = (await app.call('POST', 'assets/', { body: { asset_tag: unique('F'), name: 'Old' } })).body;
    const fields = [{ name: 'voltage', type: 'integer', min: 12 }];
    const { id, target_model } = (
      await define({ target_model: 'Asset', schema: { fields }, required_fields: ['serial'] })
    ).body;
    expect(target_model).toBe('asset');
    const create = (custom_fields: object) =>
      app.call('POST', 'assets/', { role: 'operator', body: { asset_tag: unique('F'), name: 'New', custom_fields } });
    const refused = await create({ voltage: 5 });
    expect([refused.status, refused.body]).toEqual([
      400,
      { custom_fields: { serial: required, voltage: ['Ensure this value is greater than or equal to 12.'] } },
    ]);
    expect((await create({ serial: 'S', voltage: 12, colour: 'red' })).status).toBe(201);
    const change = (body: object) => app.call('PATCH', `assets/${old.id}/`, { body });
    expect((await change({ name: 'Renamed' })).status).toBe(200);
    expect((await change({ custom_fields: {} })).status).toBe(400);
    const bulk = await app.call('POST', 'assets/bulk/', { body: { items: [{ asset_tag: unique('F'), name: 'x' }] } });
    expect(bulk.body.results[0].errors).toEqual({ custom_fields: { serial: required } });
    expect((await app.call('POST', 'assets/', { tenant: app.other, body: { asset_tag: 'F', name: 'x' } })).status).toBe(
      201,
    );
    await app.call('PATCH', `form-definitions/${id}/`, { body: { is_active: false } });
    expect((await create({})).status).toBe(201);
  });

  it('is enforced on the results of maintenance and inspections once they are done', async () => {
    await define({ target_model: 'maintenance_record', required_fields: ['oil'] });
    await define({ target_model: 'inspection-records', required_fields: ['leak'] });
    const asset = (await app.call('POST', 'assets/', { body: { asset_tag: unique('F'), name: 'x' } })).body.id;
    const cases = [
      ['maintenance-records', 'performed_at', 'result_data', 'oil'],
      ['inspection-records', 'inspected_at', 'details', 'leak'],
    ] as const;
    for (const [path, done, field, key] of cases) {
      const at = '2026-01-01T00:00:00Z';
      const refused = await app.call('POST', `${path}/`, { body: { asset } });
      expect([refused.status, refused.body]).toEqual([400, { [field]: { [key]: required } }]);
      const planned = await app.call('POST', `${path}/`, { body: { asset, scheduled_at: at } });
      expect(planned.status).toBe(201);
      const perform = (body: object) =>
        app.call('PATCH', `${path}/${planned.body.id}/`, { body: { [done]: at, ...body } });
      expect((await perform({})).body).toEqual({ [field]: { [key]: required } });
      expect((await perform({ [field]: { [key]: 'none' } })).status).toBe(200);
    }
  });

  it('rejects a scan that does not fit, and keeps it, from wherever it came', async () => {
    await define({ target_model: 'scan_event', schema: { fields: { location: { required: true, type: 'integer' } } } });
    const unmet = { status: 'rejected', validation_errors: ['location: This field is required.'] };
    const asset = (await app.call('POST', 'assets/', { body: { asset_tag: unique('F'), name: 'x' } })).body;
    const scan = await app.call('POST', 'scan-events/', { body: { raw_value: asset.asset_tag } });
    expect([scan.status, scan.body]).toMatchObject([201, { ...unmet, asset: asset.id }]);
    const sent = [randomUUID(), randomUUID()].map((client_event_id) => ({ client_event_id, raw_value: unique('S') }));
    const synced = await app.call('POST', 'sync/', { body: { scan_events: sent } });
    expect(synced.body).toMatchObject({ accepted_scan_event_ids: [expect.any(Number), expect.any(Number)] });
    for (const id of synced.body.accepted_scan_event_ids)
      expect((await app.call('GET', `scan-events/${id}/`)).body).toMatchObject(unmet);
    const actor = { kind: 'device', id: null, label: 'device:gate', role: 'operator', superuser: false } as const;
    const ctx = { db: app.database, tenant: app.plant, actor, now: () => new Date(), log: silentLog };
    expect((await scans.record(ctx as never, { raw_value: unique('S') })).scan).toMatchObject(unmet);
    const location = (await app.call('POST', 'locations/', { body: { name: 'Gate', code: unique('G') } })).body.id;
    const good = await app.call('POST', 'scan-events/', { body: { raw_value: unique('S'), location } });
    expect(good.body).toMatchObject({ status: 'validated', validation_errors: [] });
  });

  it('refuses names and comparisons that nothing could ever fit', async () => {
    const listed = await define({ schema: { fields: [{ name: '__proto__', type: 'text' }] } });
    expect(listed.body).toEqual({ schema: { fields: { 0: { name: ['A field cannot have this name.'] } } } });
    const rules = await define({
      validation_rules: [
        { field: 'a', operator: 'in', value: 5 },
        { field: 'a', operator: 'gt', value: null },
        { field: 'a', operator: 'equals', value: null },
        { field: 'a', operator: 'required', when: { field: 'b', operator: 'lte', value: [1] } },
      ],
    });
    expect(Object.keys(rules.body.validation_rules)).toEqual(['0', '1', '3']);
    const order = { type: 'datetime', min: '2026-01-01T12:00:00+05:00', max: '2026-01-01T08:00:00Z' };
    expect((await define({ schema: { fields: { a: order } } })).status).toBe(201);
    const fields = { constructor: { type: 'text', required: true }, valueOf: { type: 'integer' } };
    await define({ target_model: 'asset', schema: { fields } });
    await define({ target_model: 'asset', required_fields: ['constructor', 'hasOwnProperty'] });
    const bare = await app.call('POST', 'assets/', { body: { asset_tag: unique('F'), name: 'x' } });
    expect([bare.status, bare.body]).toEqual([
      400,
      { custom_fields: { constructor: required, hasOwnProperty: required } },
    ]);
  });
});
