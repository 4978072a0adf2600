/** A small plant to look around in: places, kinds, fifty assets, a workflow that notes when each was scanned, and a batch of labels. */
import type { TenantContext } from '../../db/context.ts';
import * as assets from '../../domain/assets/service.ts';
import * as batches from '../../domain/batches/service.ts';
import * as categories from '../../domain/categories/service.ts';
import * as locations from '../../domain/locations/service.ts';
import * as scans from '../../domain/scans/service.ts';
import * as workflows from '../../domain/workflows/service.ts';

const places = [
  { code: 'HALL-1', name: 'Hall 1', below: ['Goods in', 'Assembly', 'Test bench', 'Goods out'] },
  { code: 'HALL-2', name: 'Hall 2', below: ['Tool crib', 'Maintenance', 'Cold store'] },
  { code: 'OFFICE', name: 'Office', below: ['Reception', 'Meeting room'] },
];

const kinds = [
  {
    code: 'TOOL',
    name: 'Hand tools',
    items: ['Cordless drill', 'Torque wrench', 'Angle grinder', 'Heat gun', 'Crimping pliers'],
  },
  { code: 'LIFT', name: 'Lifting gear', items: ['Pallet truck', 'Chain hoist', 'Stacker'] },
  { code: 'MEAS', name: 'Measuring instruments', items: ['Caliper', 'Multimeter', 'Thermal camera', 'Scale'] },
  { code: 'IT', name: 'IT equipment', items: ['Handheld scanner', 'Label printer', 'Tablet', 'Notebook'] },
];

const count = 50;

/** Through the same services as the API, so the sample has its history like anything else. */
export async function sow(ctx: TenantContext): Promise<void> {
  const places = await sowLocations(ctx);
  const kinds = await sowCategories(ctx);
  for (let index = 0; index < count; index += 1) {
    const kind = kinds[index % kinds.length]!;
    await assets.served.create(ctx, {
      asset_tag: `DEMO-${index + 1}`,
      name: kind.items[Math.floor(index / kinds.length) % kind.items.length],
      category: kind.id,
      current_location: places[index % places.length],
      status: index % 17 === 16 ? 'in_maintenance' : 'active',
      custom_fields: { purchased: `20${18 + (index % 8)}` },
    });
  }
  await workflows.served.create(ctx, {
    name: 'Note the last scan',
    trigger_type: 'on_scan',
    entry_conditions: [{ field: 'asset', operator: 'exists', value: true }],
    steps: [{ action: 'update_asset_custom_fields', fields: { last_scan: '{{scan_event.created_at}}' } }],
  });
  await batches.served.create(ctx, { prefix: 'DEMO-', start_sequence: 1, end_sequence: count });
  for (const raw_value of ['DEMO-1', 'DEMO-2', 'DEMO-17']) await scans.record(ctx, { raw_value });
}

async function sowLocations(ctx: TenantContext): Promise<number[]> {
  const ids: number[] = [];
  for (const { code, name, below } of places) {
    const { id } = await locations.served.create(ctx, { code, name });
    for (const [index, inner] of below.entries()) {
      const room = await locations.served.create(ctx, { code: `${code}-${index + 1}`, name: inner, parent: id });
      ids.push(room.id);
    }
  }
  return ids;
}

async function sowCategories(ctx: TenantContext): Promise<{ id: number; items: string[] }[]> {
  const rows: { id: number; items: string[] }[] = [];
  for (const { code, name, items } of kinds) {
    const { id } = await categories.served.create(ctx, { code, name });
    rows.push({ id, items });
  }
  return rows;
}
