/** Four devices count five thousand assets at once: nothing is lost, nothing doubled, and a close cuts cleanly. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { timestamp } from '../../../src/db/context.ts';
import type { Db } from '../../../src/db/database.ts';
import * as stocktake from '../../../src/domain/stocktake/service.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { type TestSite, testSite } from '../../support/site.ts';

const size = 5_000;
const tags = Array.from({ length: size }, (_, index) => `T-${index}`);

interface Scan {
  raw_value: string;
  client_event_id: string;
}
const scansOf = (codes: string[]): Scan[] => codes.map((raw_value) => ({ raw_value, client_event_id: randomUUID() }));
const lists = <T>(items: T[], length: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / length) }, (_, index) =>
    items.slice(index * length, (index + 1) * length),
  );

onEveryDatabase('several devices', (dialect) => {
  let site: TestSite;
  let location: number;
  const number = async (sql: string, params: number[]) =>
    (await site.database.query<{ count: number }>(sql, params))[0]!.count;
  beforeAll(async () => {
    site = await testSite(dialect);
    const ctx = site.as('admin');
    const stamps = { tenant_id: site.plant.id, created_at: timestamp(ctx), updated_at: timestamp(ctx) };
    const empty = { description: '', barcode_value: '', barcode_type: 'qr', custom_fields: '{}', metadata: '{}' };
    location = await site.database.insert('locations', {
      ...stamps,
      name: 'Hall',
      code: 'HALL',
      address: '',
      metadata: '{}',
    });
    const rows = tags.map((asset_tag) => ({
      ...stamps,
      ...empty,
      asset_tag,
      name: asset_tag,
      status: 'active',
      current_location_id: location,
    }));
    await site.database.insertMany('assets', rows);
  }, 60_000);
  afterAll(() => site.close());

  const open = async () => (await stocktake.served.create(site.as('operator'), { name: 'Count', location })).id;
  const device = (name: string) => ({ ...site.as('operator'), device: name });

  it('count five thousand assets together', async () => {
    const session = await open();
    const ghosts = Array.from({ length: 40 }, (_, index) => `GHOST-${index}`);
    // Each has its quarter; all of them the first hundred, from both ends, and the same unknown codes.
    const shared = [...tags.slice(0, 100), ...ghosts];
    const works = [0, 1, 2, 3].map((index) => {
      const own = tags.filter((_, place) => place % 4 === index);
      const both = index % 2 ? shared.toReversed() : shared;
      return { name: `device-${index}`, lists: lists(scansOf([...both, ...own]), 200) };
    });
    await Promise.all(
      works.map(async ({ name, lists: all }) => {
        for (const [turn, scans] of all.entries()) {
          const answer = await stocktake.count(device(name), session, { scans });
          expect([answer.counted, answer.failed]).toEqual([scans.length, 0]);
          // As after a lost answer: the same list once more.
          if (turn % 3 === 0)
            expect((await stocktake.count(device(name), session, { scans })).repeated).toBe(scans.length);
        }
      }),
    );
    await stocktake.close(site.as('operator'), session);
    const sums = await site.database.query(
      'SELECT outcome, COUNT(*) AS line_count, SUM(counted_qty) AS counted, MIN(counted_qty) AS least, MAX(counted_qty) AS most ' +
        'FROM inventory_lines WHERE session_id = ? GROUP BY outcome ORDER BY outcome',
      [session],
    );
    expect(
      sums.map((row) => Object.values(row).map((value) => (row.outcome === value ? value : Number(value)))),
    ).toEqual([
      ['found', size, size + 400, 1, 5],
      ['unknown', 40, 160, 4, 4],
    ]);
    const counted = size + 560;
    expect(await number('SELECT COUNT(*) AS count FROM inventory_counts WHERE session_id = ?', [session])).toBe(
      counted,
    );
    expect(await number('SELECT COUNT(*) AS count FROM scan_events', [])).toBe(counted);
    const records = "SELECT COUNT(*) AS count FROM asset_state_history WHERE event_type = 'scan'";
    expect(await number(records, [])).toBe(size + 400);
  }, 240_000);

  it('that send the same scans in opposite order do not wait for each other in a ring', async () => {
    const session = await open();
    const scans = scansOf(tags.slice(1_000, 1_400));
    let tries = 0;
    const db = new Proxy(site.database, {
      get(target, name) {
        const value = Reflect.get(target, name, target);
        if (name !== 'transaction') return typeof value === 'function' ? value.bind(target) : value;
        return (work: (tx: Db) => Promise<unknown>) =>
          target.transaction((tx) => {
            tries += 1;
            return work(tx);
          });
      },
    });
    const works = [scans, [...scans].reverse(), scans, [...scans].reverse()].map((list, index) =>
      stocktake.count({ ...device(`ring-${index}`), db }, session, { scans: list }),
    );
    const answers = await Promise.all(works);
    expect(answers.reduce((sum, { counted }) => sum + counted, 0)).toBe(400);
    expect(answers.reduce((sum, { repeated }) => sum + repeated, 0)).toBe(1_200);
    const sql = 'SELECT SUM(counted_qty) AS count FROM inventory_lines WHERE session_id = ?';
    expect(Number(await number(sql, [session]))).toBe(400);
    expect(tries).toBe(4);
  });

  it('are cut off by the close without losing a scan', async () => {
    const session = await open();
    const before = await number('SELECT COUNT(*) AS count FROM scan_events', []);
    let [counted, late] = [0, 0];
    const one = async (name: string, scan: Scan) => {
      const answer = await stocktake.count(device(name), session, scan);
      counted += answer.counted;
      late += answer.late;
    };
    const run = async (index: number) => {
      for (const scans of lists(scansOf(tags.slice(index * 100, index * 100 + 100)), 5))
        await Promise.all(scans.map((scan) => one(`device-${index}`, scan)));
    };
    const devices = Promise.all([0, 1, 2, 3].map(run));
    while (counted < 80) await new Promise((resolve) => setTimeout(resolve, 1));
    await stocktake.close(site.as('operator'), session);
    await devices;
    expect([counted + late, late > 0]).toEqual([400, true]);
    const sum = 'SELECT SUM(counted_qty) AS count FROM inventory_lines WHERE session_id = ?';
    expect(Number(await number(sum, [session]))).toBe(counted);
    const found = "SELECT COUNT(*) AS count FROM inventory_lines WHERE session_id = ? AND outcome = 'found'";
    expect(await number(found, [session])).toBe(counted);
    expect((await number('SELECT COUNT(*) AS count FROM scan_events', [])) - before).toBe(400);
  }, 120_000);
});
