/** A valid body for every resource that can be created: what the generated suites vary. */
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
  'barcode-templates': () => ({ name: unique('Template'), symbology: 'qr', width_mm: 50, height_mm: 25, dpi: 203 }),
  'barcode-batches': () => {
    const prefix = unique('B');
    return { prefix, start_sequence: counter * 1000, end_sequence: counter * 1000 + 2 };
  },
  members: () => ({ username: unique('member').toLowerCase(), password: 'a good long pass phrase', role: 'operator' }),
  tokens: () => ({ name: unique('kiosk'), role: 'operator' }),
};

/** A valid body; throws for a resource that has none yet, so that no resource goes untested. */
export function sampleOf(path: string): Record<string, unknown> {
  const sample = samples[path];
  if (!sample) throw new Error(`test/support/samples.ts has no body for ${path}`);
  return sample();
}

export const hasSample = (path: string): boolean => path in samples;

/** Creates a row of that resource in the tenant and answers its id. */
export async function createRow(app: TestApp, path: string, tenant: Tenant): Promise<number> {
  const { status, body } = await app.call('POST', `${path}/`, { tenant, body: sampleOf(path) });
  if (status !== 201) throw new Error(`The sample of ${path} was answered ${status}: ${JSON.stringify(body)}`);
  return body.id;
}

/** Which resource a table's references point at. */
export const pathOfTable = (table: string, all: readonly AnyResource[]): string | undefined =>
  all.find((resource) => resource.table === table)?.path;

export const pixel = readFileSync(join(import.meta.dirname, 'pixel.png'));
