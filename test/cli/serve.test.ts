/** The daemon as a site runs it, where it meets what sites do to it. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Database } from '../../src/db/database.ts';
import { Daemon } from '../support/faults/daemon.ts';
import * as site from '../support/faults/site.ts';
import { createPty, until } from '../support/pty.ts';
import { assetra, ensureBuilt } from './spawn.ts';

const { password } = site;
let made: site.Site;
let dir: string;
let daemon: Daemon | undefined;

beforeAll(ensureBuilt, 300_000);
beforeEach(async () => {
  made = await site.makeSite();
  dir = made.dir;
});
afterEach(async () => {
  await daemon?.kill();
  daemon = undefined;
  made.remove();
});

async function serve(...flags: string[]): Promise<Daemon> {
  daemon = new Daemon(dir, { flags });
  return daemon.start();
}

const logIn = ({ address }: Daemon) => site.logIn(address);

const healthOf = async ({ address }: Daemon) => {
  const answer = await fetch(`${address}/health/`);
  return { status: answer.status, text: await answer.text() };
};

describe('starting and ending', () => {
  it('says first where it listens, takes a scan, and ends in order', async () => {
    const running = await serve();
    expect(JSON.parse(running.lines()[0]!)).toMatchObject({
      message: 'listening',
      level: 'INFO',
      address: expect.stringMatching(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/),
    });
    const { get, post } = await logIn(running);
    const scan = await post('scan-events/', { raw_value: 'A-1' });
    expect([scan.status, scan.body.status]).toEqual([201, 'validated']);
    expect((await get('auth/context/')).body).toEqual({
      username: 'alice',
      tenant_id: '1',
      role: 'admin',
      can_write: true,
    });
    expect(await running.end('SIGTERM')).toBe(0);
    expect([JSON.parse(running.lines().at(-1)!).message, running.errors()]).toEqual(['stopped', '']);
  });

  it('finishes what it has begun to answer before it ends', async () => {
    const running = await serve();
    const { post } = await logIn(running);
    const sends = Array.from({ length: 40 }, () => post('scan-events/', { raw_value: 'A-1' }));
    await Promise.race(sends);
    const code = running.end('SIGINT');
    const answered = (await Promise.allSettled(sends)).filter((sent) => sent.status === 'fulfilled');
    expect(new Set(answered.map((sent) => (sent as PromiseFulfilledResult<site.Reply>).value.status))).toEqual(
      new Set([201]),
    );
    expect(await code).toBe(0);
  });

  it('with a port that is taken is one sentence', async () => {
    const rival = createServer();
    await new Promise<void>((resolve) => rival.listen(0, '127.0.0.1', resolve));
    const { port } = rival.address() as { port: number };
    const second = await assetra(['serve', '--dir', dir, '--port', String(port)]);
    await new Promise((resolve) => rival.close(resolve));
    expect([second.code, second.stderr]).toEqual([
      1,
      `assetra: Another program listens on 127.0.0.1:${port}. Stop it, or choose another port with --port.\n`,
    ]);
  });

  it.each([
    [['--host', '192.0.2.1'], 'no address 192.0.2.1'],
    [['--host', 'no-such-host.invalid'], 'no-such-host.invalid is unknown'],
  ])('with %j is one sentence', async (flags, part) => {
    const { code, stderr } = await assetra(['serve', '--dir', dir, '--port', '0', ...flags]);
    expect([code, stderr.trimEnd().split('\n')]).toEqual([1, [expect.stringContaining(part)]]);
  });
});

it('killed among 200 scans keeps each that it has answered, once', async () => {
  const running = await serve();
  const { post } = await logIn(running);
  const answered: string[] = [];
  const sends = Array.from({ length: 200 }, async () => {
    const client_event_id = randomUUID();
    const answer = await post('scan-events/', { client_event_id, raw_value: 'A-1' }).catch(() => undefined);
    if (answer?.status === 201) answered.push(client_event_id);
  });
  await until(() => answered.length >= 25, 'some answers');
  expect(await running.end('SIGKILL')).toBeNull();
  await Promise.all(sends);
  expect(answered.length).toBeLessThan(200);
  const { get, post: postAgain } = await logIn(await serve());
  const { count, results } = (await get('scan-events/?page_size=500')).body;
  const stored: string[] = results.map((row: { client_event_id: string }) => row.client_event_id);
  expect([stored.length, new Set(stored).size]).toEqual([count, count]);
  expect(answered.filter((id) => !stored.includes(id))).toEqual([]);
  const again = await postAgain('scan-events/', { client_event_id: answered[0], raw_value: 'A-1' });
  expect([200, 201, 409]).toContain(again.status);
  expect((await get('scan-events/')).body.count).toBe(count);
  const database = new Database({ dialect: 'sqlite', filename: join(dir, 'assetra.db'), poolSize: 1 });
  expect(await database.query('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  expect(await database.query('PRAGMA foreign_key_check')).toEqual([]);
  await database.close();
}, 60_000);

describe('a database that another program holds', () => {
  it('is read, refuses writes with 503 and when to try again, and takes them once it is free', async () => {
    const { get, post } = await logIn(await serve());
    const release = await hold();
    const [write, read] = await Promise.all([post('scan-events/', { raw_value: 'A-1' }), get('scan-events/')]);
    expect([read.status, read.body.count]).toEqual([200, 0]);
    expect([write.status, write.headers.get('Retry-After')]).toEqual([503, '5']);
    expect(write.body).toEqual({ detail: expect.stringMatching(/locked.*Try again/) });
    await release();
    expect((await post('scan-events/', { raw_value: 'A-1' })).status).toBe(201);
    expect((await get('scan-events/')).body.count).toBe(1);
  }, 30_000);

  /** Begins a write transaction and keeps it; resolves to what ends it. */
  async function hold(): Promise<() => Promise<void>> {
    const rival = new Database({ dialect: 'sqlite', filename: join(dir, 'assetra.db'), poolSize: 1 });
    let free = () => {};
    const freed = new Promise<void>((resolve) => {
      free = resolve;
    });
    let begun = false;
    const held = rival.transaction(async () => {
      begun = true;
      await freed;
    });
    await until(() => begun, 'the lock');
    return async () => {
      free();
      await held;
      await rival.close();
    };
  }
});

it('a serial scanner that is set up, pulled out and plugged in again is read all along', async () => {
  const pty = createPty();
  await pty.plug();
  const running = await serve();
  const { get, post } = await logIn(running);
  const asset = (await post('assets/', { asset_tag: 'LINE-1', name: 'Drill' })).body.id;
  const device = ['devices', 'add', 'Dock 3', '--tenant', 'plant-1', '--kind', 'serial', '--path', pty.path];
  expect((await assetra([...device, '--dir', dir])).code).toBe(0);
  const isOpen = async () => (await healthOf(running)).text.includes('"state":"open"');
  const scans = async () => (await get('scan-events/?source_type=external_scanner&ordering=id')).body.results;
  await until(isOpen, 'the line to open');
  await pty.send('LINE-1\r\nUNKNOWN-9\r\n');
  await until(async () => (await scans()).length === 2, 'both scans');
  await pty.unplug();
  await until(async () => !(await isOpen()), 'the loss to be noticed');
  expect((await healthOf(running)).status).toBe(200);
  await pty.plug();
  await until(isOpen, 'the line to open again', 20_000);
  await pty.send('LINE-1\r');
  await until(async () => (await scans()).length === 3, 'the scan after it');
  const stored = await scans();
  expect(stored.map((scan: { asset: number | null }) => scan.asset)).toEqual([asset, null, asset]);
  for (const scan of stored)
    expect(scan).toMatchObject({
      source_type: 'external_scanner',
      scanner_label: 'device:Dock 3',
      status: 'validated',
      symbology: 'unknown',
    });
  const remove = ['devices', 'remove', 'Dock 3', '--tenant', 'plant-1', '--dir', dir];
  expect((await assetra(remove)).code).toBe(0);
  await until(async () => !(await healthOf(running)).text.includes('Dock 3'), 'the device to be forgotten');
  expect(await running.end('SIGTERM')).toBe(0);
  await pty.remove();
}, 60_000);

describe('the log', () => {
  it('is JSON with the fields that dashboards read', async () => {
    const running = await serve('--log-level', 'debug');
    const { get, post } = await logIn(running);
    await post('assets/', { asset_tag: 'A-1', name: 'Drill' });
    const refused = await post('assets/', { asset_tag: 'A-1', name: 'Drill' });
    await get('assets/?asset_tag=A-1');
    await running.end('SIGTERM');
    const lines = running.lines().map((line) => JSON.parse(line));
    for (const line of lines)
      expect(line).toMatchObject({
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        level: expect.stringMatching(/^(DEBUG|INFO|WARNING|ERROR)$/),
        logger: expect.stringMatching(/^assetra(\.\w+)*$/),
        message: expect.any(String),
      });
    const requests = lines.filter(({ logger }) => logger === 'assetra.api');
    expect(requests.map(({ level, message }) => [level, message])).toEqual([
      ['INFO', 'POST /api/v1/auth/token/ 200'],
      ['INFO', 'POST /api/v1/assets/ 201'],
      ['WARNING', 'POST /api/v1/assets/ 409'],
      ['INFO', 'GET /api/v1/assets/ 200'],
    ]);
    expect(requests[2]).toMatchObject({
      request_id: refused.headers.get('X-Request-ID'),
      tenant_id: '1',
      user_id: 1,
      status_code: 409,
      duration_ms: expect.any(Number),
    });
  });

  it('holds no password, token or key, whatever was asked', async () => {
    const added = await assetra([
      'token',
      'add',
      'Kiosk',
      '--tenant',
      '1',
      '--role',
      'operator',
      '--json',
      '--dir',
      dir,
    ]);
    const { token } = JSON.parse(added.stdout);
    const running = await serve('--log-level', 'debug');
    const { tokens, post } = await logIn(running);
    await post('auth/token/refresh/', { refresh: tokens.refresh });
    await post('auth/token/', { username: 'alice', password: 'hunter2-hunter2' });
    await post('members/', { username: 'bob', password: 'bobs own pass phrase', role: 'operator' });
    for (const authorization of [`Bearer ${token}`, `Bearer ${token}x`])
      await fetch(`${running.address}/api/v1/assets/`, { headers: { authorization, 'X-Tenant-ID': '1' } });
    await running.end('SIGTERM');
    const text = running.lines().join('\n') + running.errors();
    expect(text).toContain('POST /api/v1/members/ 201');
    const key = readFileSync(join(dir, 'keys/jwt.key'), 'utf8').trim();
    for (const secret of [password, 'hunter2', 'bobs own', token, tokens.access, tokens.refresh, key, 'eyJ', 'ast_'])
      expect(text).not.toContain(secret);
  });
});
