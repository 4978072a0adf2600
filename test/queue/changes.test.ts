import { afterAll, beforeAll, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import type { TenantContext } from '../../src/db/context.ts';
import { Database } from '../../src/db/database.ts';
import { bulk } from '../../src/domain/assets/bulk.ts';
import * as assets from '../../src/domain/assets/service.ts';
import * as devices from '../../src/domain/devices/service.ts';
import * as locations from '../../src/domain/locations/service.ts';
import * as changes from '../../src/queue/changes.ts';
import { Sequencer } from '../../src/queue/sequencer.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { until } from '../support/pty.ts';
import { unique } from '../support/samples.ts';
import { type TestSite, testSite } from '../support/site.ts';

onEveryDatabase('the change log', (dialect) => {
  let site: TestSite;
  beforeAll(async () => {
    site = await testSite(dialect);
  });
  afterAll(() => site.close());

  const head = async (ctx: TenantContext) => (await changes.pull(ctx, 0, 1)).head;
  const since = async (ctx: TenantContext, after: number) => (await changes.pull(ctx, after, 1_000)).changes;
  const asset = () => ({ asset_tag: unique('T'), name: 'Drill' });

  it('holds what was changed, by whom and with what, in the order of the changes', async () => {
    const ctx = site.as('operator');
    const after = await head(ctx);
    const { id } = await assets.served.create(ctx, asset());
    await assets.served.change(ctx, id, { name: 'Saw', description: 'old' });
    await assets.served.remove(ctx, id);
    const found = (await since(ctx, after)).filter(({ entity }) => entity === 'asset');
    const author = { actor_id: site.userId('operator'), actor_label: 'plant-operator', device: null };
    expect(found).toMatchObject([
      { entity_id: id, op: 'create', fields: [], ...author },
      { entity_id: id, op: 'update', fields: ['name', 'description'], ...author },
      { entity_id: id, op: 'delete', fields: [], ...author },
    ]);
  });

  it('says which scanner a scan came from', async () => {
    const ctx = site.as('admin');
    const after = await head(ctx);
    const device = await devices.served.create(ctx, { name: unique('door'), kind: 'serial', path: unique('/dev/x') });
    const scan = { client_event_id: crypto.randomUUID(), raw_value: 'A-1', captured_at: new Date().toISOString() };
    await devices.recordScans(ctx, device, [scan]);
    const found = (await since(ctx, after)).filter(({ entity }) => entity === 'scan_event');
    expect(found).toMatchObject([{ op: 'create', actor_label: `device:${device.name}`, device: device.name }]);
  });

  it('holds nothing of a change that failed, not even of an item of a larger one', async () => {
    const ctx = site.as('admin');
    const { id } = await assets.served.create(ctx, asset());
    const after = await head(ctx);
    await expect(assets.served.change(ctx, id, { status: 'no such' })).rejects.toThrow();
    const taken = asset();
    await bulk(ctx, { items: [taken, taken, asset()] });
    const found = (await since(ctx, after)).filter(({ entity }) => entity === 'asset');
    expect(found.map(({ op }) => op)).toEqual(['create', 'create']);
  });

  it('numbers each tenant by itself, from 1 and without a gap', async () => {
    const works = [site.plant, site.other].flatMap((tenant) =>
      Array.from({ length: 30 }, () => assets.served.create(site.as('admin', tenant), asset())),
    );
    await Promise.all(works);
    for (const tenant of [site.plant, site.other]) {
      const { changes: all, head: last } = await changes.pull(site.as('admin', tenant), 0, 10_000);
      expect(all.map(({ seq }) => seq)).toEqual(Array.from({ length: last }, (_, index) => index + 1));
      const sql = 'SELECT COUNT(*) AS count FROM change_log WHERE tenant_id = ?';
      expect(await site.database.query(sql, [tenant.id])).toEqual([{ count: last }]);
    }
  });

  it('is numbered and sealed by the loop of a daemon when nobody asks', async () => {
    const loop = new Sequencer(site.database, silentLog);
    loop.start();
    await assets.served.create(site.as('admin'), asset());
    const sql = 'SELECT COUNT(*) AS count FROM change_log WHERE seq IS NULL';
    const open = async () => (await site.database.query<{ count: number }>(sql))[0]!.count === 0;
    await until(open, 'every change has its number');
    await loop.stop();
    const unsealed =
      'SELECT COUNT(*) AS count FROM asset_state_history h LEFT JOIN history_seals s ON s.history_id = h.id WHERE s.id IS NULL';
    expect(await site.database.query(unsealed)).toEqual([{ count: 0 }]);
  });

  it('misses nothing of eight writers for a reader who polls, where cursors by id or time do', async () => {
    const database = new Database({ ...site.databaseConfig, poolSize: 14 });
    const ctx = { ...site.as('admin'), db: database };
    const start = await head(ctx);
    const [{ last }] = (await database.query('SELECT MAX(id) AS last FROM locations')) as [{ last: number | null }];
    const written: number[] = [];
    const end = Date.now() + 20_000;
    const writer = async () => {
      while (written.length < 400 && Date.now() < end) {
        const at = new Date();
        // A request is stamped before its turn to write comes.
        await pause(3);
        await database.transaction(async (db) => {
          const inside = { ...ctx, db, now: () => at };
          const { id } = await locations.served.create(inside, { name: 'Room', code: unique('L') });
          await pause(8);
          written.push(id);
        });
      }
    };
    const readers = [byNumber(ctx, start), byId(ctx, last ?? 0), byTime(ctx, new Date().toISOString())];
    let writing = true;
    const read = async () => {
      while (writing) {
        for (const reader of readers) await reader.poll();
        await new Promise((resolve) => setTimeout(resolve, 3));
      }
    };
    const reading = read();
    await Promise.all(Array.from({ length: 8 }, writer));
    writing = false;
    await reading;
    const lost = [];
    for (const reader of readers) {
      await reader.poll();
      lost.push(written.filter((id) => !reader.seen.has(id)).length);
    }
    await database.close();
    const [numbered, identified, timed] = lost as [number, number, number];
    expect(written.length).toBeGreaterThan(50);
    expect(numbered).toBe(0);
    expect(identified + timed).toBeGreaterThan(0);
  });
});

/** Up to so many ms. */
const pause = (most: number) => new Promise((resolve) => setTimeout(resolve, Math.floor(Math.random() * (most + 1))));

interface Reader {
  seen: Set<number>;
  poll(): Promise<void>;
}

function byNumber(ctx: TenantContext, from: number): Reader {
  const seen = new Set<number>();
  let cursor = from;
  const poll = async () => {
    const { changes: page } = await changes.pull(ctx, cursor, 500);
    for (const { seq, entity, entity_id } of page) {
      expect(seq).toBe(cursor + 1);
      cursor = seq;
      if (entity === 'location') seen.add(entity_id);
    }
    if (page.length === 500) await poll();
  };
  return { seen, poll };
}

const byId = (ctx: TenantContext, from: number) =>
  naive(ctx, 'SELECT id, id AS at FROM locations WHERE id > ? ORDER BY id', from);
const byTime = (ctx: TenantContext, from: string) =>
  naive(ctx, 'SELECT id, updated_at AS at FROM locations WHERE updated_at > ? ORDER BY updated_at', from);

function naive(ctx: TenantContext, sql: string, from: number | string): Reader {
  const seen = new Set<number>();
  let cursor = from;
  const poll = async () => {
    for (const { id, at } of await ctx.db.query<{ id: number; at: number | string }>(sql, [cursor])) {
      seen.add(id);
      cursor = at;
    }
  };
  return { seen, poll };
}
