/** What is measured, with the aims of the specification. */
import type { Dialect } from '../../src/db/dialect.ts';
import { barcodeOf } from './sites.ts';

export interface Call {
  method: 'GET' | 'POST';
  path: string;
  body?: object;
}

export interface Work {
  name: string;
  title: string;
  /** The n-th request, over a tenant that had `assets` of them at the start. */
  call(n: number, assets: number): Call;
  /** The only status that counts as done. */
  status: number;
  /** Tables in which every answer has left exactly one row. */
  writes: string[];
  /** Least share of the ceiling. */
  ratio?: number;
  /** Least answers/s on the machine of the specification. */
  rate?: Partial<Record<Dialect, number>>;
}

/** Neighbours in time are no neighbours in an index. */
const spread = (n: number, assets: number): number => (n * 7_919) % assets;

/** Asked of the ceiling alone: what machine and load generator can do together. */
export const hello: Work = {
  name: 'hello',
  title: 'GET /',
  call: () => ({ method: 'GET', path: '/' }),
  status: 200,
  writes: [],
};

/** The writes come last: the reads find what was seeded and no more. */
export const works: Work[] = [
  {
    name: 'lookup',
    title: 'GET lookups/assets',
    call: (n, assets) => ({ method: 'GET', path: `/api/v1/lookups/assets/?barcode=${barcodeOf(spread(n, assets))}` }),
    status: 200,
    writes: [],
    ratio: 0.6,
    rate: { sqlite: 7_000, postgres: 6_000 },
  },
  {
    name: 'list',
    title: 'GET assets, 50 a page',
    call: () => ({ method: 'GET', path: '/api/v1/assets/' }),
    status: 200,
    writes: [],
    rate: { sqlite: 3_000, postgres: 2_000 },
  },
  {
    name: 'scan',
    title: 'POST scan-events',
    call: (n, assets) => ({
      method: 'POST',
      path: '/api/v1/scan-events/',
      body: { symbology: 'qr', raw_value: barcodeOf(spread(n, assets)), source_type: 'external_scanner' },
    }),
    status: 201,
    writes: ['scan_events', 'asset_state_history'],
    ratio: 0.6,
    rate: { sqlite: 4_000, postgres: 4_000 },
  },
  {
    name: 'create',
    title: 'POST assets',
    call: (n) => ({
      method: 'POST',
      path: '/api/v1/assets/',
      body: { asset_tag: `NEW-${n}`, name: `Pump ${n}`, barcode_value: `N${n}`, custom_fields: { maker: 'KSB' } },
    }),
    status: 201,
    writes: ['assets', 'asset_state_history'],
  },
];
