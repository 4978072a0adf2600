/** The daemon is killed with -9 in the middle of syncs, again and again over the same data. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig } from '../../../src/base/config.ts';
import type { Answer } from '../../../src/domain/sync/wire.ts';
import { ensureBuilt } from '../../cli/spawn.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { Daemon } from '../../support/faults/daemon.ts';
import { chains } from '../../support/faults/ledger.ts';
import { type OwnDatabase, ownDatabase } from '../../support/faults/own-database.ts';
import { type Client, logIn, makeSite, type Site } from '../../support/faults/site.ts';
import { Device } from './device.ts';

const rounds = Number(process.env.ASSETRA_TEST_KILLS ?? 3);

onEveryDatabase('a daemon that is killed amid syncs', (dialect) => {
  let own: OwnDatabase | undefined;
  let site: Site;
  let daemon: Daemon;
  let admin: Client;
  beforeAll(async () => {
    ensureBuilt();
    own = dialect === 'sqlite' ? undefined : await ownDatabase(dialect);
    site = await makeSite({ database: own?.url() });
    daemon = await new Daemon(site.dir).start();
    admin = await logIn(daemon.address);
    for (let index = 0; index < 6; index += 1) await admin.post('assets/', { asset_tag: `K-${index}`, name: 'Drill' });
  }, 120_000);
  afterAll(async () => {
    await daemon?.kill();
    site?.remove();
    await own?.drop();
  });

  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  /** An app tries again until it hears something. */
  const answered = (device: Device) =>
    device.sync(send, 'well').then(
      () => true,
      () => pause(20).then(() => false),
    );
  const send = async (request: object): Promise<Answer> => {
    const { status, body } = await admin.post('sync/', request);
    if (status !== 200) throw new Error(`${status}: ${JSON.stringify(body)}`);
    return body;
  };

  it(`${rounds} times loses and doubles nothing, and every device ends with what it has`, async () => {
    const devices = Array.from({ length: 4 }, (_, index) => new Device(`phone-${index}`, 50 * (index + 1), 0));
    let running = true;
    let cut = 0;
    const work = async (device: Device) => {
      for (let turn = 0; running; turn += 1) {
        for (let scan = 0; scan < 10; scan += 1) device.scan(`K-${scan % 7}`);
        device.edit(turn, turn % 2 ? 'name' : 'description', `${device.name} ${turn}`);
        while (!(await answered(device))) cut += 1;
        await pause(5);
      }
    };
    const works = devices.map(work);
    for (let round = 0; round < rounds; round += 1) {
      await pause(100 + Math.random() * 300);
      await daemon.restart('SIGKILL');
    }
    await pause(300);
    running = false;
    await Promise.all(works);
    expect(cut).toBeGreaterThan(0);
    for (const _ of [1, 2]) for (const device of devices) await settle(device);
    const stored = await every('scan-events/');
    expect(stored.map((row) => row.client_event_id).sort()).toEqual(devices.flatMap(({ events }) => events).sort());
    const assets = await every('assets/');
    for (const { replica } of devices)
      expect([...replica.values()].sort((one, two) => one.id - two.id)).toEqual(assets);
    expect(await chains(loadConfig({ dir: site.dir }, {}).database)).toEqual([]);
  }, 120_000);

  async function settle(device: Device): Promise<void> {
    do await device.sync(send, 'well');
    while (!device.idle);
  }

  // biome-ignore lint/suspicious/noExplicitAny: rows as they are answered.
  async function every(path: string): Promise<any[]> {
    const rows = [];
    for (let next: string | null = `${path}?cursor=&page_size=500&ordering=id`; next; ) {
      const { body }: { body: { results: object[]; next: string | null } } = await admin.get(next);
      rows.push(...body.results);
      next = body.next?.slice(body.next.indexOf('/api/v1/') + '/api/v1/'.length) ?? null;
    }
    return rows;
  }
});
