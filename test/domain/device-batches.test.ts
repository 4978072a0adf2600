/** Scans that waited and come many at a time, beside others who move the same assets. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inTransaction } from '../../src/db/context.ts';
import * as assets from '../../src/domain/assets/service.ts';
import * as devices from '../../src/domain/devices/service.ts';
import { type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase, onEveryServer } from '../support/databases.ts';
import { unique } from '../support/samples.ts';

class Bench {
  readonly app: TestApp;
  readonly room: number;
  readonly bob: number;

  private constructor(app: TestApp, room: number, bob: number) {
    this.app = app;
    this.room = room;
    this.bob = bob;
  }

  static async open(dialect: Parameters<typeof testApp>[0]): Promise<Bench> {
    const app = await testApp(dialect);
    const made = async (path: string, body: object) => (await app.call('POST', path, { body })).body;
    const room = (await made('locations/', { name: 'Room 1', code: 'ROOM-1' })).id;
    const bob = { username: 'bob', password: 'a good long pass phrase', role: 'operator', badge_code: '5901234123450' };
    return new Bench(app, room, (await made('members/', { ...bob, full_name: 'Bob Brown' })).user);
  }

  async assets(count: number): Promise<{ id: number; asset_tag: string }[]> {
    const prefix = unique('B');
    const made = [];
    for (let n = 0; n < count; n += 1)
      made.push(await assets.served.create(this.app.as('admin'), { asset_tag: `${prefix}-${n}`, name: 'Drill' }));
    return made;
  }

  device = (settings: object = {}, name = unique('Dock')) =>
    devices.served.create(this.app.as('admin'), {
      name,
      kind: 'serial',
      path: `/dev/tty${name}`,
      location: this.room,
      settings,
    });

  take = (device: devices.DeviceRow, scans: devices.LineScan[], state: devices.ModeState | null = null) =>
    devices.recordScans(this.app.as('operator'), device, scans, state);

  actions = async (device: devices.DeviceRow) =>
    (await this.app.call('GET', `device-actions/?device=${device.name}&page_size=500&ordering=id`)).body.results;
}

/** A second after each other, the first so long ago. */
const scansOf = (codes: readonly string[], ago = 3_600_000): devices.LineScan[] =>
  codes.map((raw_value, index) => ({
    client_event_id: randomUUID(),
    raw_value,
    captured_at: new Date(Date.now() - ago + index * 1_000).toISOString(),
  }));

onEveryDatabase('scans that waited', (dialect) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.open(dialect);
  });
  afterAll(() => bench.app.close());

  it('are refused one by one where others came before them, and come again without doing anything', async () => {
    const [moved, free] = await bench.assets(2);
    const device = await bench.device();
    const scans = scansOf(['CMD:MOVE-HERE', moved!.asset_tag, free!.asset_tag, free!.asset_tag, 'CMD:DONE']);
    await assets.move(bench.app.as('admin'), moved!.id, { current_location: bench.room });
    const outcomes = (answers: devices.Answer[]) => answers.map(({ outcome, repeated }) => [outcome, repeated]);
    const told = ['command', 'refused', 'moved', 'moved', 'command'];
    const first = await bench.take(device, scans);
    expect(outcomes(first)).toEqual(told.map((outcome) => [outcome, false]));
    // As after a lost answer: the end of what was recorded, with what came since.
    const more = scansOf([free!.asset_tag], 0);
    const second = await bench.take(device, [...scans.slice(1), ...more], first[0]!.state);
    expect(outcomes(second)).toEqual([...told.slice(1).map((outcome) => [outcome, true]), ['recorded', false]]);
    expect(second.slice(0, 4).map(({ state }) => state)).toEqual(first.slice(1).map(({ state }) => state));
    expect((await bench.actions(device)).map(({ outcome }: { outcome: string }) => outcome).sort()).toEqual(
      told.toSorted(),
    );
  });

  it('give way to the correction of a stock-take', async () => {
    const [asset] = await bench.assets(1);
    const { app, room } = bench;
    const at = (path: string, body: object = {}) => app.call('POST', `inventory-sessions/${path}`, { body });
    const session = (await at('', { name: 'Count', location: room })).body.id;
    const scan = { client_event_id: randomUUID(), raw_value: asset!.asset_tag };
    expect((await at(`${session}/count/`, scan)).body.results[0].result).toBe('counted');
    await at(`${session}/close/`);
    expect((await at(`${session}/reconcile/`, { apply_moves: true })).body.moved).toBe(1);
    const device = await bench.device({ mode: 'move_here' });
    const [late] = await bench.take(device, scansOf([asset!.asset_tag]));
    expect(late).toMatchObject({ outcome: 'refused', message: expect.stringMatching(/^Too late/) });
  });

  it('have no part in what was begun long after them, as when a refused one is sent again', async () => {
    const [asset] = await bench.assets(1);
    const device = await bench.device();
    const begun = await bench.take(device, scansOf(['CMD:CHECK-OUT', '5901234123450'], 5_000));
    expect(begun.at(-1)).toMatchObject({ mode: 'check_out', state: { member: bench.bob } });
    const [old] = await bench.take(device, scansOf([asset!.asset_tag]), begun.at(-1)!.state);
    expect(old).toMatchObject({ mode: 'record', outcome: 'recorded' });
    expect(await assets.byId(bench.app.as('admin'), asset!.id)).toMatchObject({ assigned_to: null });
  });

  it("that break the rules of their symbology are nobody's badge and no place", async () => {
    const place = { name: 'Odd', code: '4006381333932' };
    expect((await bench.app.call('POST', 'locations/', { body: place })).status).toBe(201);
    const device = await bench.device({ mode: 'check_out' });
    const codes = [']E05901234123450', 'CMD:MOVE-HERE', ']E04006381333932'];
    const answers = await bench.take(device, scansOf(codes));
    expect(answers.map(({ outcome }) => outcome)).toEqual(['rejected', 'command', 'rejected']);
    expect(answers.at(-1)!.state).toMatchObject({ member: null, place: null });
  });
});

onEveryServer('scans that waited, beside others', (dialect) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.open(dialect);
  });
  afterAll(() => bench.app.close());

  it('give way to what is being committed', async () => {
    const [asset] = await bench.assets(1);
    const device = await bench.device({ mode: 'check_out' });
    const admin = bench.app.as('admin');
    const scans = scansOf([asset!.asset_tag]);
    let late: Promise<devices.Answer[]> | undefined;
    await inTransaction(admin, async (ctx) => {
      await assets.move(ctx, asset!.id, { current_location: bench.room });
      const mode = { mode: 'move_here' } as const;
      late = bench.take({ ...device, settings: mode }, scans);
      late.catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 500));
    });
    expect(await late).toMatchObject([{ outcome: 'refused', message: expect.stringMatching(/^Too late/) }]);
  });

  it('of several scanners that all had the same assets are all recorded', async () => {
    const tags = (await bench.assets(15)).map(({ asset_tag }) => asset_tag);
    const all = await Promise.all(Array.from({ length: 4 }, () => bench.device({ mode: 'move_here' })));
    const answers = await Promise.all(
      all.map((device, index) => bench.take(device, scansOf(index % 2 ? tags : tags.toReversed(), 0))),
    );
    expect(answers.flat().filter(({ outcome }) => outcome === 'moved')).toHaveLength(60);
  });
});
