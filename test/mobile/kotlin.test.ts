/** The Android client against the built daemon: offline, cut off, killed, in conflict; in the end nothing is lost or doubled. */
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { assetra, ensureBuilt } from '../cli/spawn.ts';
import { Daemon } from '../support/faults/daemon.ts';
import { DatabaseProxy } from '../support/faults/proxy.ts';
import { type Client, logIn, makeSite, password, type Site } from '../support/faults/site.ts';
import { until } from '../support/pty.ts';
import { compile, Device, type DeviceOptions, lacking } from './kotlin.ts';

const reason = lacking();

if (reason) console.log(`The Android client is not tested ${reason}.`);

describe.skipIf(reason)(`the Android client${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let work: string;
  let site: Site;
  let daemon: Daemon;
  let proxy: DatabaseProxy;
  let admin: Client;
  const devices: Device[] = [];

  beforeAll(async () => {
    ensureBuilt();
    work = mkdtempSync(join(tmpdir(), 'assetra-kotlin-'));
    await compile(join(work, 'classes'));
    site = await makeSite();
    daemon = await new Daemon(site.dir).start();
    proxy = await new DatabaseProxy({ host: '127.0.0.1', port: Number(new URL(daemon.address).port) }).start();
    admin = await logIn(daemon.address);
    for (let number = 1; number <= 8; number++) await create(`A-${number}`);
  }, 400_000);

  afterEach(async () => {
    await Promise.all(devices.splice(0).map((device) => device.kill()));
    await proxy.pass();
  });

  afterAll(async () => {
    await proxy?.stop();
    await daemon?.kill();
    site?.remove();
    if (work) rmSync(work, { recursive: true, force: true });
  });

  const create = async (asset_tag: string) => (await admin.post('assets/', { asset_tag, name: asset_tag })).body;

  const change = async (method: 'PATCH' | 'DELETE', id: number, body?: object): Promise<void> => {
    const sent = body ? { body: JSON.stringify(body) } : {};
    const answer = await fetch(`${daemon.address}/api/v1/assets/${id}/`, { method, headers: admin.headers, ...sent });
    expect(answer.ok).toBe(true);
  };

  /** Signed in, with everything pulled. */
  async function device(name: string, options: Partial<DeviceOptions> = {}): Promise<Device> {
    const address = `http://127.0.0.1:${proxy.port}`;
    const one = new Device(join(work, 'classes'), join(work, name), { address, name, ...options }).start();
    devices.push(one);
    expect(await one.ask('sign-in', { username: 'alice', password })).toEqual({});
    expect(await one.ask('sync')).toMatchObject({ done: true });
    return one;
  }

  const scan = async (one: Device, raw_value: string): Promise<string> =>
    (await one.ask('scan', { raw_value, symbology: 'code128' })).id;

  async function scanMany(one: Device, raw_value: string, count: number): Promise<string[]> {
    const ids: string[] = [];
    while (ids.length < count) ids.push(await scan(one, raw_value));
    return ids;
  }

  async function all(path: string): Promise<{ id: number; client_event_id?: string; [field: string]: unknown }[]> {
    const rows = [];
    for (let page = 1; ; page++) {
      const { body } = await admin.get(`${path}?page_size=500&page=${page}`);
      rows.push(...body.results);
      if (!body.next) return rows;
    }
  }

  const recorded = async (ids: string[]): Promise<string[]> => {
    const events = (await all('scan-events/')).map((event) => event.client_event_id!);
    return events.filter((id) => ids.includes(id)).sort();
  };

  const assetsOf = async () => (await all('assets/')).sort((one, other) => one.id - other.id);

  /** Every scan once on the server, nothing left to send, and the same assets on both sides. */
  async function expectSettled(one: Device, scans: string[] = []): Promise<void> {
    expect(await recorded(scans)).toEqual([...scans].sort());
    const { waiting, assets } = await one.ask('look');
    expect(waiting).toEqual([]);
    expect(assets).toEqual(await assetsOf());
  }

  it('pulls page by page, keeps what it captures offline through a kill, and sends it once', async () => {
    const one = await device('handheld-1', { limit: 3, batch: 4 });
    await expectSettled(one);
    await proxy.cut();
    const scans = await scanMany(one, 'A-1', 9);
    const [first] = await assetsOf();
    await one.ask('edit', { id: first!.id, fields: { description: 'seen in hall 4' } });
    const result = await one.ask('sync');
    expect(result.later).toBeGreaterThan(0);
    await one.restart();
    const { waiting, assets } = await one.ask('look');
    expect(waiting.slice(0, 9)).toEqual(scans);
    expect(waiting).toHaveLength(10);
    expect(assets[0].description).toBe('seen in hall 4');
    await proxy.pass();
    expect(await one.ask('sync-until-done')).toMatchObject({ done: true, sent: 10, rejected: 0 });
    await expectSettled(one, scans);
    expect((await assetsOf())[0]!.description).toBe('seen in hall 4');
  });

  it.each(['the network', 'the device'])('sends the same again when %s goes away before the answer', async (what) => {
    const one = await device(`cut-${what.split(' ')[1]}`);
    const scans = await scanMany(one, 'A-2', 5);
    const { id } = (await assetsOf())[1]!;
    await one.ask('edit', { id, fields: { description: what } });
    proxy.slow(800);
    const answer = one.ask('sync').catch((error) => error);
    await until(async () => (await assetsOf())[1]!.description === what, 'the request to arrive', 20_000);
    if (what === 'the network') {
      await proxy.cut();
      expect((await answer).later).toBeGreaterThan(0);
      await proxy.pass();
    } else {
      await one.restart();
      expect(await answer).toBeInstanceOf(Error);
      await proxy.pass();
    }
    expect((await one.ask('look')).waiting).toHaveLength(6);
    expect(await one.ask('sync-until-done')).toMatchObject({ done: true, sent: 6 });
    await expectSettled(one, scans);
    expect((await one.ask('look')).conflicts).toEqual([]);
  });

  it('takes a page that was half written for none', async () => {
    const one = await device('torn');
    const before = statSync(one.journal).size;
    const scans = await scanMany(one, 'A-3', 3);
    const queued = statSync(one.journal).size;
    expect(queued).toBeGreaterThan(before);
    await create('T-1');
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 3 });
    await one.kill();
    truncateSync(one.journal, queued + Math.floor((statSync(one.journal).size - queued) / 2));
    one.start();
    const { waiting, assets } = await one.ask('look');
    expect(waiting).toEqual(scans);
    expect(assets.map((asset: { asset_tag: string }) => asset.asset_tag)).not.toContain('T-1');
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 3 });
    await expectSettled(one, scans);
  });

  it('fetches everything anew, and keeps its queue, when its journal is damaged in the middle', async () => {
    const one = await device('damaged');
    const scans = await scanMany(one, 'A-3', 3);
    await one.kill();
    const bytes = readFileSync(one.journal);
    bytes[20] = bytes[20]! ^ 1;
    writeFileSync(one.journal, bytes);
    one.start();
    expect((await one.ask('look')).waiting).toEqual(scans);
    expect(readFileSync(`${one.journal}.damaged`).equals(bytes)).toBe(true);
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 3 });
    await expectSettled(one, scans);
    await one.restart();
    await expectSettled(one, scans);
  });

  it('loses and doubles nothing, whenever it is killed', async () => {
    const one = await device('unlucky', { limit: 2, batch: 3 });
    const scans: string[] = [];
    for (let round = 0; round < 8; round++) {
      scans.push(...(await scanMany(one, 'A-3', 4)));
      await create(`K-${round}`);
      one.ask('sync').catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 120));
      await one.restart();
    }
    expect(await one.ask('sync')).toMatchObject({ done: true });
    await expectSettled(one, scans);
  });

  it('writes its journal anew when it has grown long, with all that it holds', async () => {
    const one = await device('wordy');
    const { id } = await create('W-1');
    await one.ask('sync');
    const sizes: number[] = [];
    for (let round = 0; round < 3; round++) {
      await proxy.cut();
      for (let edit = 0; edit < 130; edit++)
        await one.ask('edit', { id, fields: { description: `${round} ${edit} ${'x'.repeat(9_000)}` } });
      await one.restart();
      expect((await one.ask('look')).waiting).toHaveLength(130);
      await proxy.pass();
      expect(await one.ask('sync-until-done')).toMatchObject({ done: true, sent: 130 });
      sizes.push(statSync(one.journal).size);
    }
    // 3.5 MB were written.
    expect(Math.max(...sizes)).toBeLessThan(2_500_000);
    expect((await one.ask('look')).conflicts).toEqual([]);
    await one.restart();
    await expectSettled(one);
  }, 120_000);

  it('tells both values of a field that was changed on the web too, and settles it as the person says', async () => {
    const one = await device('conflict');
    const { id } = await create('C-1');
    await one.ask('sync');
    await one.ask('edit', { id, fields: { name: 'by the device', description: 'by nobody else' } });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await change('PATCH', id, { name: 'by the web' });
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 1 });
    const { conflicts, assets } = await one.ask('look');
    expect(conflicts).toEqual([
      {
        id: expect.any(String),
        asset: id,
        field: 'name',
        winner: 'server',
        local: 'by the device',
        server: 'by the web',
      },
    ]);
    const mine = assets.find((asset: { id: number }) => asset.id === id);
    expect(mine).toMatchObject({ name: 'by the web', description: 'by nobody else' });
    await one.ask('acknowledge', { id: conflicts[0].id, resolution: 'KEEP_LOCAL' });
    await one.restart();
    expect((await one.ask('look')).conflicts).toHaveLength(1);
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 1 });
    expect((await one.ask('look')).conflicts).toEqual([]);
    await expectSettled(one);
    expect((await admin.get(`assets/${id}/`)).body.name).toBe('by the device');
  });

  it('gives the last of several edits of its own', async () => {
    const one = await device('again');
    const { id } = await create('E-1');
    await one.ask('sync');
    for (const name of ['first', 'second']) await one.ask('edit', { id, fields: { name } });
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 2 });
    await expectSettled(one);
    expect((await admin.get(`assets/${id}/`)).body.name).toBe('second');
    expect((await one.ask('look')).conflicts).toEqual([]);
  });

  it('drops an asset that was deleted', async () => {
    const one = await device('tombstone');
    const { id } = await create('D-1');
    await one.ask('sync');
    await change('DELETE', id);
    expect(await one.ask('sync')).toMatchObject({ done: true, pulled: 1 });
    await expectSettled(one);
  });

  it('sets aside what the server will never take, and sends the rest', async () => {
    const one = await device('faulty');
    const scans = [await scan(one, 'A-4')];
    const faulty = await scan(one, 'x'.repeat(600));
    scans.push(await scan(one, 'A-5'));
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 2, rejected: 1 });
    await expectSettled(one, scans);
    await one.restart();
    expect((await one.ask('look')).rejected).toEqual([{ key: faulty, reason: expect.any(String) }]);
    expect(await recorded([faulty])).toEqual([]);
  });

  it('finds the one item for which the server refuses a whole request', async () => {
    const one = await device('deep');
    const { id } = (await assetsOf())[3]!;
    const scans = await scanMany(one, 'A-4', 6);
    let deep: object = {};
    for (let level = 0; level < 80; level++) deep = { deep };
    const { key } = await one.ask('edit', { id, fields: { custom_fields: deep } });
    scans.push(...(await scanMany(one, 'A-4', 6)));
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 12, rejected: 1 });
    expect((await one.ask('look')).rejected).toEqual([{ key, reason: expect.stringMatching(/^400 /) }]);
    await expectSettled(one, scans);
  });

  it('brings what has changed to someone who may only read, and keeps what waits', async () => {
    const reader = ['user', 'add', 'rita', '--tenant', 'plant-1', '--role', 'read_only', '--password-stdin'];
    expect((await assetra([...reader, '--dir', site.dir], { input: password })).code).toBe(0);
    const one = await device('reader');
    expect(await one.ask('sign-in', { username: 'rita', password })).toEqual({});
    const scans = await scanMany(one, 'A-5', 2);
    const { id } = await create('Q-1');
    expect(await one.ask('sync')).toMatchObject({ refused: 403 });
    const { waiting, assets } = await one.ask('look');
    expect(waiting).toEqual(scans);
    expect(assets.map((asset: { id: number }) => asset.id)).toContain(id);
    await one.ask('sign-in', { username: 'alice', password });
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 2 });
    await expectSettled(one, scans);
  });

  it('sends less at once when the server says that it is too much', async () => {
    const one = await device('eager', { batch: 2_000 });
    const scans = await scanMany(one, 'A-6', 1_001);
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 1_001, rejected: 0 });
    await expectSettled(one, scans);
  }, 120_000);

  it('renews a token that has run out, and asks for the person when that fails', async () => {
    const one = await device('token');
    const file = join(one.folder, 'tokens.json');
    const tokens = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...tokens, access: `${tokens.access}x` }));
    const scans = [await scan(one, 'A-7')];
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 1 });
    const renewed = JSON.parse(readFileSync(file, 'utf8'));
    expect(renewed.refresh).not.toBe(tokens.refresh);
    writeFileSync(file, JSON.stringify({ access: 'x', refresh: 'y' }));
    scans.push(await scan(one, 'A-7'));
    expect(await one.ask('sync')).toMatchObject({ sign_in: expect.any(String) });
    await one.ask('sign-in', { username: 'alice', password });
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 1 });
    await expectSettled(one, scans);
  });

  it('dates what it captures by the clock of the server', async () => {
    const day = 24 * 60 * 60_000;
    const one = await device('skewed', { skew: -2 * day });
    expect(Math.abs((await one.ask('look')).clock_offset - 2 * day)).toBeLessThan(5_000);
    const id = await scan(one, 'A-8');
    await one.ask('sync');
    const event = (await all('scan-events/')).find(({ client_event_id }) => client_event_id === id)!;
    expect(Math.abs(Date.parse(event.offline_captured_at as string) - Date.now())).toBeLessThan(30_000);
  });

  it('waits as long as a busy server asks', async () => {
    const busy = createServer((request, response) => {
      request.resume().on('end', () => response.writeHead(429, { 'Retry-After': '7' }).end('{"detail":"busy"}'));
    });
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(busy.address() as AddressInfo).port}`;
    const one = await device('patient');
    const scans = [await scan(one, 'A-8')];
    await one.kill();
    const waiting = new Device(join(work, 'classes'), one.folder, { address, name: 'patient' }).start();
    devices.push(waiting);
    expect((await waiting.ask('sync')).later).toBeGreaterThanOrEqual(7_000);
    await waiting.kill();
    busy.close();
    one.start();
    await one.ask('sync');
    await expectSettled(one, scans);
  });

  it('builds its assets anew after a restore, and keeps what it has not sent', async () => {
    const one = await device('restored', { limit: 3 });
    const file = join(work, 'site.backup');
    expect((await assetra(['backup', file, '--dir', site.dir])).code).toBe(0);
    await create('R-1');
    await one.ask('sync');
    await expectSettled(one);
    const scans = await scanMany(one, 'A-1', 2);
    const { code, stderr } = await assetra(['restore', file, '--yes', '--dir', site.dir]);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    expect(await one.ask('sync-until-done')).toMatchObject({ done: true, sent: 2 });
    await expectSettled(one, scans);
    expect((await assetsOf()).map(({ asset_tag }) => asset_tag)).not.toContain('R-1');
  }, 60_000);
});
