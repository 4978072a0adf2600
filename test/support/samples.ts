/** A valid body for every resource that can be created: what the generated suites vary. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tenant } from '../../src/db/context.ts';
import type { AnyResource } from '../../src/resource/define.ts';
import type { TestApp } from './app.ts';

let counter = 0;
/** Never twice the same, so that samples do not clash. */
export function unique(prefix: string): string {
  counter += 1;
  return `${prefix}-${counter.toString(36).toUpperCase()}`;
}

type Sample = () => Record<string, unknown>;

const samples: Record<string, Sample> = {
  locations: () => ({ name: 'Room', code: unique('LOC'), latitude: 52.52, longitude: '13.405' }),
  'asset-categories': () => ({ name: 'Tools', code: unique('CAT') }),
  assets: () => ({ asset_tag: unique('TAG'), name: 'Drill', custom_fields: { colour: 'red' } }),
  'asset-codes': () => ({ code: unique('CODE') }),
  'scan-events': () => ({ raw_value: unique('SCAN') }),
  'inventory-sessions': () => ({ name: 'Count' }),
  devices: () => ({ name: unique('Dock'), kind: 'serial', path: `/dev/serial/by-id/${unique('usb')}` }),
  'barcode-templates': () => ({ name: unique('Template'), symbology: 'qr', width_mm: 50, height_mm: 25, dpi: 203 }),
  'barcode-batches': () => {
    const prefix = unique('B');
    return { prefix, start_sequence: counter * 1000, end_sequence: counter * 1000 + 2 };
  },
  members: () => ({ username: unique('member').toLowerCase(), password: 'a good long pass phrase', role: 'operator' }),
  'maintenance-records': () => ({ scheduled_at: '2026-03-01T08:00:00Z', notes: 'Oil' }),
  'maintenance-plans': () => ({ name: unique('Yearly check'), every_days: 365 }),
  'inspection-records': () => ({ inspected_at: '2026-03-01T08:00:00Z', status: 'passed' }),
  'form-definitions': () => ({
    name: unique('Form'),
    target_model: 'checklist',
    schema: { fields: { pressure: { type: 'number', min: 0 } } },
    required_fields: ['pressure'],
  }),
  integrations: () => ({ name: unique('Sheet'), connector_type: 'excel', config: { file: 'stock.xlsx' } }),
  'device-profiles': () => ({ name: 'Phone', platform: 'android', device_identifier: unique('DEV') }),
  'feature-flags': () => ({ key: unique('flag'), enabled: true, conditions: { platform: 'android' } }),
  'industry-presets': () => ({ preset_type: 'general' }),
  webhooks: () => ({ name: unique('Hook'), direction: 'outbound', url: 'https://example.org/hook', secret: 'hush' }),
  'workflow-definitions': () => ({
    name: unique('Flow'),
    trigger_type: 'manual',
    steps: [{ action: 'set_output', key: 'done', value: true }],
  }),
  exports: () => ({ resource: 'assets', format: 'csv' }),
  // Nobody listens at that port, and nothing is sent before a runner is there.
  printers: () => ({ name: unique('Printer'), url: 'tcp://127.0.0.1:9' }),
  tokens: () => ({ name: unique('kiosk'), role: 'operator' }),
};

/** References that a sample must have, and the resource of the row they name. */
const parents: Record<string, Record<string, string>> = {
  'maintenance-records': { asset: 'assets' },
  'maintenance-plans': { asset: 'assets' },
  'inspection-records': { asset: 'assets' },
};

type Seed = (app: TestApp, tenant: Tenant) => Promise<number>;

/** Rows of resources that cannot be created over the API. */
const seeds: Record<string, Seed> = {
  'device-actions': async (app, tenant) => {
    const body = {
      device: 'Dock 1',
      client_event_id: randomUUID(),
      raw_value: unique('no asset'),
      captured_at: new Date().toISOString(),
      mode: 'check_in',
    };
    await app.call('POST', 'device-scans/', { tenant, body });
    return newest(app, tenant, 'device-actions');
  },
  'webhook-deliveries': async (app, tenant) => {
    const endpoint = { name: unique('In'), direction: 'inbound' };
    const { id: endpoint_id } = (await app.call('POST', 'webhooks/', { tenant, body: endpoint })).body;
    const told = { endpoint_id, event_name: 'order.created', payload: {} };
    return (await app.call('POST', 'webhooks/inbound/', { tenant, body: told })).body.delivery_id;
  },
  'sync-quarantine': async (app, tenant) => {
    const note = unique('no scan');
    await app.call('POST', 'sync/', { tenant, body: { scan_events: [{ note }] } });
    return newest(app, tenant, 'sync-quarantine');
  },
  'sync-conflicts': async (app, tenant) => {
    const { id, updated_at } = (await app.call('POST', 'assets/', { tenant, body: samples.assets!() })).body;
    const edit = { id, base_updated_at: updated_at, captured_at: updated_at, fields: { status: 'no such' } };
    await app.call('POST', 'sync/', { tenant, body: { asset_changes: [edit] } });
    return newest(app, tenant, 'sync-conflicts');
  },
  'print-jobs': async (app, tenant) => {
    const printer = await createRow(app, 'printers', tenant);
    return (await app.call('POST', `printers/${printer}/test/`, { tenant, body: {} })).body.id;
  },
  'workflow-runs': async (app, tenant) => {
    const now = new Date().toISOString();
    const data = { context: '{}', input_data: '{}', output_data: '{}', error: '', created_at: now, updated_at: now };
    const row = { tenant_id: tenant.id, workflow_id: await createRow(app, 'workflow-definitions', tenant), ...data };
    return app.database.insert('workflow_runs', { ...row, status: 'success' });
  },
};

const newest = async (app: TestApp, tenant: Tenant, path: string): Promise<number> =>
  (await app.call('GET', `${path}/?ordering=-id`, { tenant })).body.results[0].id;

/** Rows that `createRow` made, by app, tenant and path. */
const made = new WeakMap<TestApp, Map<string, number>>();

/** A valid body in the tenant; throws for a resource that has none yet, so that no resource goes untested. */
export function sampleOf(path: string, app: TestApp, tenant = app.plant): Record<string, unknown> {
  const sample = samples[path];
  if (!sample) throw new Error(`test/support/samples.ts has no body for ${path}`);
  const references = Object.entries(parents[path] ?? {}).map(([field, parent]) => [
    field,
    madeRow(app, parent, tenant),
  ]);
  return { ...sample(), ...Object.fromEntries(references) };
}

const madeRow = (app: TestApp, path: string, tenant: Tenant) => made.get(app)?.get(`${tenant.id}/${path}`);

export const hasSample = (path: string): boolean => path in samples;

/** Whether the generated suites can have a row of that resource. */
export const hasRow = (path: string): boolean => path in samples || path in seeds;

/** Creates a row of that resource in the tenant, and of those it must name, and answers its id. */
export async function createRow(app: TestApp, path: string, tenant: Tenant): Promise<number> {
  for (const parent of Object.values(parents[path] ?? {}))
    if (madeRow(app, parent, tenant) === undefined) await createRow(app, parent, tenant);
  const id = seeds[path] ? await seeds[path](app, tenant) : await post(app, path, tenant);
  const rows = made.get(app) ?? new Map<string, number>();
  if (!rows.has(`${tenant.id}/${path}`)) rows.set(`${tenant.id}/${path}`, id);
  made.set(app, rows);
  return id;
}

async function post(app: TestApp, path: string, tenant: Tenant): Promise<number> {
  const { status, body } = await app.call('POST', `${path}/`, { tenant, body: sampleOf(path, app, tenant) });
  if (status !== 201 && status !== 202)
    throw new Error(`The sample of ${path} was answered ${status}: ${JSON.stringify(body)}`);
  return body.id;
}

/** Which resource a table's references point at. */
export const pathOfTable = (table: string, all: readonly AnyResource[]): string | undefined =>
  all.find((resource) => resource.table === table)?.path;

export const pixel = readFileSync(join(import.meta.dirname, 'pixel.png'));
