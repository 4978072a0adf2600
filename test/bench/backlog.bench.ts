/** Scans of one scanner that have waited: one in a transaction, as many as a station takes, and the same scans by the API's own rules alone. */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { silentLog } from '../../src/base/log.ts';
import type { TenantContext } from '../../src/db/context.ts';
import { Database } from '../../src/db/database.ts';
import * as devices from '../../src/domain/devices/service.ts';
import * as scans from '../../src/domain/scans/service.ts';
import { guarded } from '../../src/resource/serve.ts';
import { machine, median } from './report.ts';
import { createSite, findDatabases, type Site, tagOf } from './sites.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { rounds: text, scans: text, dialects: text } });
const rounds = Number(values.rounds ?? '5');
const count = Number(values.scans ?? '200');
const assets = 10_000;

type Record = (ctx: TenantContext, device: devices.DeviceRow, sent: devices.LineScan[]) => Promise<unknown>;

const inChunks =
  (size: number, record: Record): Record =>
  async (ctx, device, sent) => {
    for (let from = 0; from < sent.length; from += size) await record(ctx, device, sent.slice(from, from + size));
  };

/** No mode, no answer: what is left when the scanner's part costs nothing. */
const bare: Record = (ctx, _, sent) => {
  const bodies = sent.map((scan) => ({ ...scan, source_type: 'external_scanner' }));
  return guarded(ctx, 'assets', 'create', (inside) => scans.recordMany(inside, bodies), { long: true });
};

const ways: [title: string, Record][] = [
  ['one by one', inChunks(1, devices.recordScans)],
  [`${devices.mostScans} at a time`, inChunks(devices.mostScans, devices.recordScans)],
  ['limit: without modes', inChunks(devices.mostScans, bare)],
];

/** Every second one names an asset. */
const freshScans = (): devices.LineScan[] =>
  Array.from({ length: count }, (_, index) => ({
    client_event_id: randomUUID(),
    raw_value: index % 2 === 0 ? tagOf(Math.floor(Math.random() * assets)) : `NONE-${index}`,
    captured_at: new Date().toISOString(),
  }));

async function run(site: Site): Promise<void> {
  const database = new Database(site.database);
  const actor = { kind: 'system', id: null, label: 'bench', role: 'admin', superuser: true } as const;
  const tenant = { id: site.tenantId, name: 'Bench', slug: 'bench', settings: {} };
  const ctx: TenantContext = { db: database, tenant, actor, now: () => new Date(), log: silentLog };
  try {
    const device = await devices.served.create(ctx, { name: 'Dock', kind: 'serial', path: '/dev/ttyBench' });
    const rates = ways.map((): number[] => []);
    for (let round = 0; round < rounds; round += 1)
      for (const [index, [, record]] of ways.entries()) {
        const sent = freshScans();
        const begin = performance.now();
        await record(ctx, device, sent);
        rates[index]!.push((count * 1_000) / (performance.now() - begin));
      }
    const base = median(rates[0]!);
    for (const [index, [title]] of ways.entries()) {
      const rate = median(rates[index]!);
      console.log(`${title.padEnd(24)} ${rate.toFixed(0).padStart(7)}/s  ${(rate / base).toFixed(1)} ×`);
    }
  } finally {
    await database.close();
  }
}

const wanted = values.dialects?.split(',');
for (const found of await findDatabases()) {
  if (!found.found || (wanted && !wanted.includes(found.dialect))) continue;
  const site = await createSite(found, assets);
  console.log(`${found.title}; ${machine()}; ${count} scans, median of ${rounds} rounds`);
  await run(site).finally(() => site.remove());
}
