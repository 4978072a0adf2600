/** The Android client against the built daemon: offline, cut off, killed, in conflict; in the end nothing is lost or doubled. */
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { assetra, ensureBuilt } from '../cli/spawn.ts';
import { password } from '../support/faults/site.ts';
import { until } from '../support/pty.ts';
import { lacking } from './kotlin.ts';
import { Plant } from './plant.ts';

const reason = lacking();

if (reason) console.log(`The Android client is not tested ${reason}.`);

describe.skipIf(reason)(`the Android client${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let plant: Plant;
  beforeAll(async () => {
    ensureBuilt();
    plant = await new Plant().start();
  }, 400_000);
  afterEach(() => plant.calm());
  afterAll(() => plant?.stop());

  it('pulls page by page, keeps what it captures offline through a kill, and sends it once', async () => {
    const one = await plant.device('handheld-1', { limit: 3, batch: 4 });
    await plant.expectSettled(one);
    await plant.proxy.cut();
    const scans = await one.scanMany('A-1', 9);
    const [first] = await plant.assets();
    await one.ask('edit', { id: first!.id, fields: { description: 'seen in hall 4' } });
    const result = await one.ask('sync');
    expect(result.later).toBeGreaterThan(0);
    await one.restart();
    const { waiting, assets } = await one.ask('look');
    expect(waiting.slice(0, 9)).toEqual(scans);
    expect(waiting).toHaveLength(10);
    expect(assets[0].description).toBe('seen in hall 4');
    await plant.proxy.pass();
    expect(await one.ask('sync-until-done')).toMatchObject({ done: true, sent: 10, rejected: 0 });
    await plant.expectSettled(one, scans);
    expect((await plant.assets())[0]!.description).toBe('seen in hall 4');
  });

  it.each(['the network', 'the device'])('sends the same again when %s goes away before the answer', async (what) => {
    const one = await plant.device(`cut-${what.split(' ')[1]}`);
    const scans = await one.scanMany('A-2', 5);
    const { id } = (await plant.assets())[1]!;
    await one.ask('edit', { id, fields: { description: what } });
    plant.proxy.slow(1_500);
    const answer = one.ask('sync').catch((error) => error);
    await until(async () => (await plant.assets())[1]!.description === what, 'the request to arrive', 20_000);
    if (what === 'the network') {
      await plant.proxy.cut();
      expect((await answer).later).toBeGreaterThan(0);
      await plant.proxy.pass();
    } else {
      await one.restart();
      expect(await answer).toBeInstanceOf(Error);
      await plant.proxy.pass();
    }
    expect((await one.ask('look')).waiting).toHaveLength(6);
    expect(await one.ask('sync-until-done')).toMatchObject({ done: true, sent: 6 });
    await plant.expectSettled(one, scans);
    expect((await one.ask('look')).conflicts).toEqual([]);
  });

  it('takes a page that was half written for none', async () => {
    const one = await plant.device('torn');
    const before = statSync(one.journal).size;
    const scans = await one.scanMany('A-3', 3);
    const queued = statSync(one.journal).size;
    expect(queued).toBeGreaterThan(before);
    await plant.create('T-1');
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 3 });
    await one.kill();
    truncateSync(one.journal, queued + Math.floor((statSync(one.journal).size - queued) / 2));
    one.start();
    const { waiting, assets } = await one.ask('look');
    expect(waiting).toEqual(scans);
    expect(assets.map((asset: { asset_tag: string }) => asset.asset_tag)).not.toContain('T-1');
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 3 });
    await plant.expectSettled(one, scans);
  });

  it('fetches everything anew, and keeps its queue, when its journal is damaged in the middle', async () => {
    const one = await plant.device('damaged');
    const scans = await one.scanMany('A-3', 3);
    await one.kill();
    const bytes = readFileSync(one.journal);
    bytes[20] = bytes[20]! ^ 1;
    writeFileSync(one.journal, bytes);
    one.start();
    expect((await one.ask('look')).waiting).toEqual(scans);
    expect(readFileSync(`${one.journal}.damaged`).equals(bytes)).toBe(true);
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 3 });
    await plant.expectSettled(one, scans);
    await one.restart();
    await plant.expectSettled(one, scans);
  });

  it('loses and doubles nothing, whenever it is killed', async () => {
    const one = await plant.device('unlucky', { limit: 2, batch: 3 });
    const scans: string[] = [];
    for (let round = 0; round < 8; round++) {
      scans.push(...(await one.scanMany('A-3', 4)));
      await plant.create(`K-${round}`);
      one.ask('sync').catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 120));
      await one.restart();
    }
    expect(await one.ask('sync')).toMatchObject({ done: true });
    await plant.expectSettled(one, scans);
  });

  it('writes its journal anew when it has grown long, with all that it holds', async () => {
    const one = await plant.device('wordy');
    const { id } = await plant.create('W-1');
    await one.ask('sync');
    const sizes: number[] = [];
    for (let round = 0; round < 3; round++) {
      await plant.proxy.cut();
      for (let edit = 0; edit < 130; edit++)
        await one.ask('edit', { id, fields: { description: `${round} ${edit} ${'x'.repeat(9_000)}` } });
      await one.restart();
      expect((await one.ask('look')).waiting).toHaveLength(130);
      await plant.proxy.pass();
      expect(await one.ask('sync-until-done')).toMatchObject({ done: true, sent: 130 });
      sizes.push(statSync(one.journal).size);
    }
    // 3.5 MB were written.
    expect(Math.max(...sizes)).toBeLessThan(2_500_000);
    expect((await one.ask('look')).conflicts).toEqual([]);
    await one.restart();
    await plant.expectSettled(one);
  }, 120_000);

  it('tells both values of a field that was changed on the web too, and settles it as the person says', async () => {
    const one = await plant.device('conflict');
    const { id } = await plant.create('C-1');
    await one.ask('sync');
    await one.ask('edit', { id, fields: { name: 'by the device', description: 'by nobody else' } });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await plant.change('PATCH', id, { name: 'by the web' });
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
    await plant.expectSettled(one);
    expect((await plant.admin.get(`assets/${id}/`)).body.name).toBe('by the device');
  });

  it('gives the last of several edits of its own', async () => {
    const one = await plant.device('again');
    const { id } = await plant.create('E-1');
    await one.ask('sync');
    for (const name of ['first', 'second']) await one.ask('edit', { id, fields: { name } });
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 2 });
    await plant.expectSettled(one);
    expect((await plant.admin.get(`assets/${id}/`)).body.name).toBe('second');
    expect((await one.ask('look')).conflicts).toEqual([]);
  });

  it('drops an asset that was deleted', async () => {
    const one = await plant.device('tombstone');
    const { id } = await plant.create('D-1');
    await one.ask('sync');
    await plant.change('DELETE', id);
    expect(await one.ask('sync')).toMatchObject({ done: true, pulled: 1 });
    await plant.expectSettled(one);
  });

  it('sets aside what the server will never take, and sends the rest', async () => {
    const one = await plant.device('faulty');
    const scans = [await one.scan('A-4')];
    const faulty = await one.scan('x'.repeat(600));
    scans.push(await one.scan('A-5'));
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 2, rejected: 1 });
    await plant.expectSettled(one, scans);
    await one.restart();
    expect((await one.ask('look')).rejected).toEqual([{ key: faulty, reason: expect.any(String) }]);
    expect(await plant.recorded([faulty])).toEqual([]);
  });

  it('finds the one item for which the server refuses a whole request', async () => {
    const one = await plant.device('deep');
    const { id } = (await plant.assets())[3]!;
    const scans = await one.scanMany('A-4', 6);
    let deep: object = {};
    for (let level = 0; level < 80; level++) deep = { deep };
    const { key } = await one.ask('edit', { id, fields: { custom_fields: deep } });
    scans.push(...(await one.scanMany('A-4', 6)));
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 12, rejected: 1 });
    expect((await one.ask('look')).rejected).toEqual([{ key, reason: expect.stringMatching(/^400 /) }]);
    await plant.expectSettled(one, scans);
  });

  it('brings what has changed to someone who may only read, and keeps what waits', async () => {
    const reader = ['user', 'add', 'rita', '--tenant', 'plant-1', '--role', 'read_only', '--password-stdin'];
    expect((await assetra([...reader, '--dir', plant.dir], { input: password })).code).toBe(0);
    const one = await plant.device('reader');
    expect(await one.ask('sign-in', { username: 'rita', password })).toEqual({});
    const scans = await one.scanMany('A-5', 2);
    const { id } = await plant.create('Q-1');
    expect(await one.ask('sync')).toMatchObject({ refused: 403 });
    const { waiting, assets } = await one.ask('look');
    expect(waiting).toEqual(scans);
    expect(assets.map((asset: { id: number }) => asset.id)).toContain(id);
    await one.ask('sign-in', { username: 'alice', password });
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 2 });
    await plant.expectSettled(one, scans);
  });

  it('sends less at once when the server says that it is too much', async () => {
    const one = await plant.device('eager', { batch: 2_000 });
    const scans = await one.scanMany('A-6', 1_001);
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 1_001, rejected: 0 });
    await plant.expectSettled(one, scans);
  }, 120_000);

  it('renews a token that has run out, and asks for the person when that fails', async () => {
    const one = await plant.device('token');
    const file = join(one.folder, 'tokens.json');
    const tokens = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...tokens, access: `${tokens.access}x` }));
    const scans = [await one.scan('A-7')];
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 1 });
    const renewed = JSON.parse(readFileSync(file, 'utf8'));
    expect(renewed.refresh).not.toBe(tokens.refresh);
    writeFileSync(file, JSON.stringify({ access: 'x', refresh: 'y' }));
    scans.push(await one.scan('A-7'));
    expect(await one.ask('sync')).toMatchObject({ sign_in: expect.any(String) });
    await one.ask('sign-in', { username: 'alice', password });
    expect(await one.ask('sync')).toMatchObject({ done: true, sent: 1 });
    await plant.expectSettled(one, scans);
  });

  it('dates what it captures by the clock of the server', async () => {
    const day = 24 * 60 * 60_000;
    const one = await plant.device('skewed', { skew: -2 * day });
    expect(Math.abs((await one.ask('look')).clock_offset - 2 * day)).toBeLessThan(5_000);
    const id = await one.scan('A-8');
    await one.ask('sync');
    const event = (await plant.scans()).find(({ client_event_id }) => client_event_id === id)!;
    expect(Math.abs(Date.parse(event.offline_captured_at as string) - Date.now())).toBeLessThan(30_000);
  });

  it('does not set its clock by an answer that it has slept through', async () => {
    const one = await plant.device('sleepy', { sleeps: 60_000 });
    expect((await one.ask('look')).clock_offset).toBe(0);
  });

  it('waits as long as a busy server asks', async () => {
    const busy = createServer((request, response) => {
      request.resume().on('end', () => response.writeHead(429, { 'Retry-After': '7' }).end('{"detail":"busy"}'));
    });
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(busy.address() as AddressInfo).port}`;
    const one = await plant.device('patient');
    const scans = [await one.scan('A-8')];
    await one.kill();
    const waiting = plant.deviceAt(address, 'patient');
    expect((await waiting.ask('sync')).later).toBeGreaterThanOrEqual(7_000);
    await waiting.kill();
    busy.close();
    one.start();
    await one.ask('sync');
    await plant.expectSettled(one, scans);
  });

  it('builds its assets anew after a restore, and keeps what it has not sent', async () => {
    const one = await plant.device('restored', { limit: 3 });
    const file = join(plant.work, 'site.backup');
    expect((await assetra(['backup', file, '--dir', plant.dir])).code).toBe(0);
    await plant.create('R-1');
    await one.ask('sync');
    await plant.expectSettled(one);
    const scans = await one.scanMany('A-1', 2);
    const { code, stderr } = await assetra(['restore', file, '--yes', '--dir', plant.dir]);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    expect(await one.ask('sync-until-done')).toMatchObject({ done: true, sent: 2 });
    await plant.expectSettled(one, scans);
    expect((await plant.assets()).map(({ asset_tag }) => asset_tag)).not.toContain('R-1');
  }, 60_000);
});
