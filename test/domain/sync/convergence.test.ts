/** Any number of devices over a bad network, with clocks that are wrong: at rest everyone has what the server has. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TenantContext } from '../../../src/db/context.ts';
import * as assets from '../../../src/domain/assets/service.ts';
import { sync } from '../../../src/domain/sync/service.ts';
import * as store from '../../../src/resource/store.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { unique } from '../../support/samples.ts';
import { type TestSite, testSite } from '../../support/site.ts';
import { Device, type Fate, fates, type Origin } from './device.ts';

const seed = Number(process.env.ASSETRA_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const runs = Number(process.env.ASSETRA_TEST_RUNS ?? 15);
const day = 24 * 60 * 60_000;

const device = fc.record({ limit: fc.integer({ min: 1, max: 7 }), skew: fc.integer({ min: -2 * day, max: 2 * day }) });
const choice = fc.nat(11);
const field = fc.constantFrom('name' as const, 'description' as const);
const fate = fc.constantFrom(...fates);
const action = fc.oneof(
  { weight: 3, arbitrary: fc.record({ act: fc.constant('scan' as const), device: choice, asset: choice }) },
  { weight: 6, arbitrary: fc.record({ act: fc.constant('edit' as const), device: choice, asset: choice, field }) },
  { weight: 4, arbitrary: fc.record({ act: fc.constant('web' as const), asset: choice, field }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('create' as const) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('delete' as const), asset: choice }) },
  { weight: 5, arbitrary: fc.record({ act: fc.constant('sync' as const), device: choice, fate }) },
  {
    weight: 2,
    arbitrary: fc.record({
      act: fc.constant('together' as const),
      fates: fc.array(fate, { minLength: 3, maxLength: 8 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('arrive' as const), device: choice }) },
);
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

onEveryDatabase('devices that sync over a bad network', (dialect) => {
  let site: TestSite;
  beforeAll(async () => {
    site = await testSite(dialect);
  });
  afterAll(() => site.close());

  it(`end with what the server has (seed ${seed})`, async () => {
    const devices = fc.array(device, { minLength: 3, maxLength: 8 });
    const actions = fc.array(action, { minLength: 15, maxLength: 45 });
    const property = fc.asyncProperty(devices, actions, async (settings, script) => {
      const world = await worldOf(settings);
      for (const step of script) await world.act(step);
      await world.settle();
      await world.check();
    });
    await fc.assert(property, { seed, numRuns: runs, endOnFailure: true });
  }, 120_000);

  async function worldOf(settings: { limit: number; skew: number }[]) {
    const ctx = await ownTenant();
    const send = (request: object) => sync(ctx, request);
    const devices = settings.map(({ limit, skew }, index) => new Device(`device-${index}`, limit, skew));
    const web: string[] = [];
    for (let index = 0; index < 4; index += 1) await create();

    async function create() {
      await assets.served.create(ctx, { asset_tag: unique('CV'), name: value(), description: value() });
    }
    function value(): string {
      web.push(unique('web'));
      return web.at(-1)!;
    }
    async function chosen(index: number): Promise<number | undefined> {
      const rows = await everyAsset(ctx);
      return rows[index % Math.max(rows.length, 1)]?.id;
    }
    async function act(step: Action): Promise<void> {
      const picked = 'device' in step ? devices[step.device % devices.length]! : devices[0]!;
      if (step.act === 'scan') picked.scan((await everyAsset(ctx))[step.asset]?.asset_tag ?? 'UNKNOWN');
      if (step.act === 'edit') picked.edit(step.asset, step.field, unique(picked.name));
      if (step.act === 'create') await create();
      if (step.act === 'sync') await picked.sync(send, step.fate);
      if (step.act === 'arrive') await picked.arrive(send);
      const web = step.act === 'together' ? await chosen(0) : undefined;
      const changing = web && assets.served.change(ctx, web, { name: value() });
      if (step.act === 'together')
        await Promise.all(devices.map((one, index) => one.sync(send, step.fates[index % step.fates.length] as Fate)));
      await changing;
      const asset = step.act === 'web' || step.act === 'delete' ? await chosen(step.asset) : undefined;
      if (asset === undefined) return;
      if (step.act === 'web') await assets.served.change(ctx, asset, { [step.field]: value() });
      else await assets.served.remove(ctx, asset);
    }
    /** Until nothing is on its way any more; what one device sends is news to the others. */
    async function settle(): Promise<void> {
      for (const one of devices) await one.arrive(send);
      for (const _ of [1, 2])
        for (const one of devices) {
          do await one.sync(send, 'well');
          while (!one.idle);
        }
    }
    const check = async () => {
      const written = new Map(devices.flatMap((one) => [...one.written]));
      for (const one of devices) expect(await replicaOf(one)).toEqual(await everyAsset(ctx));
      await expectScans(ctx, devices);
      await expectNothingLost(ctx, written);
      for (const { cursors } of devices) expectGrowing(cursors);
      await expectNoGap(ctx);
    };
    return { act, settle, check };
  }

  async function ownTenant(): Promise<TenantContext> {
    const slug = unique('world').toLowerCase();
    const stamp = new Date().toISOString();
    const row = { name: slug, slug, is_active: true, settings: '{}', created_at: stamp, updated_at: stamp };
    const id = await site.database.insert('tenants', row);
    return { ...site.as('operator'), tenant: { id, name: slug, slug, settings: {} } };
  }
});

async function everyAsset(ctx: TenantContext): Promise<assets.AssetRow[]> {
  const sql = `SELECT ${assets.resource.selection} FROM assets WHERE tenant_id = ? ORDER BY id`;
  return (await ctx.db.query(sql, [ctx.tenant.id])).map((row) => store.decode(assets.resource, row));
}

const replicaOf = (device: Device) => [...device.replica.values()].sort((one, two) => one.id - two.id);

/** Every event that a device made is there exactly once, and no other is. */
async function expectScans(ctx: TenantContext, devices: Device[]): Promise<void> {
  const sql = 'SELECT client_event_id AS id FROM scan_events WHERE tenant_id = ?';
  const stored = await ctx.db.query<{ id: string }>(sql, [ctx.tenant.id]);
  expect(stored.map(({ id }) => id).sort()).toEqual(devices.flatMap(({ events }) => events).sort());
}

interface Written {
  asset_id: number;
  previous_state: string;
  new_state: string;
}

/** A value is applied or in the journal; what was replaced unseen by an offline edit is in the journal. */
async function expectNothingLost(ctx: TenantContext, written: Map<string, Origin>): Promise<void> {
  const lost = await ctx.db.query<{ local_value: string; server_value: string }>(
    'SELECT local_value, server_value FROM sync_conflicts WHERE tenant_id = ?',
    [ctx.tenant.id],
  );
  const journal = new Set(lost.flatMap((row) => [JSON.parse(row.local_value), JSON.parse(row.server_value)]));
  const sql = 'SELECT asset_id, previous_state, new_state FROM asset_state_history WHERE tenant_id = ? ORDER BY id';
  const applied = new Set<string>();
  for (const record of await ctx.db.query<Written>(sql, [ctx.tenant.id])) {
    const { sync: offline, conflict, ...fields } = JSON.parse(record.new_state);
    if (conflict) continue;
    const before = JSON.parse(record.previous_state);
    for (const value of Object.values(fields)) applied.add(String(value));
    for (const field of ['name', 'description'].filter((known) => offline && known in fields)) {
      const [origin, replaced] = [written.get(fields[field]), before[field]];
      const known = origin?.seen === replaced || written.get(replaced)?.device === origin?.device;
      if (!known) expect(journal, `${replaced} was replaced by ${fields[field]}`).toContain(replaced);
    }
  }
  for (const value of written.keys()) if (!applied.has(value)) expect(journal, `${value} vanished`).toContain(value);
}

function expectGrowing(cursors: string[]): void {
  const positions = cursors.map((text) => JSON.parse(Buffer.from(text, 'base64url').toString()));
  for (const [index, { seq, after = Number.POSITIVE_INFINITY, epoch }] of positions.entries()) {
    const before = positions[index - 1];
    if (!before || before.epoch !== epoch) continue;
    const grown = seq > before.seq || (seq === before.seq && after >= (before.after ?? Number.POSITIVE_INFINITY));
    expect(grown, `${JSON.stringify(before)} then ${JSON.stringify(positions[index])}`).toBe(true);
  }
}

async function expectNoGap(ctx: TenantContext): Promise<void> {
  const sql =
    'SELECT COUNT(*) AS count, COUNT(DISTINCT seq) AS numbers, MAX(seq) AS last FROM change_log WHERE tenant_id = ?';
  const [log] = await ctx.db.query<{ count: number; numbers: number; last: number }>(sql, [ctx.tenant.id]);
  expect([log!.numbers, log!.last]).toEqual([log!.count, log!.count]);
}
