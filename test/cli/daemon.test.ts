/** The built program as a site runs it: child processes, signals, a serial line. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Database } from '../../src/db/database.ts';
import { createPty, until } from '../support/pty.ts';
import { assetra, ensureBuilt } from './spawn.ts';

const password = 'a good long pass phrase';
let folder: string;
let dir: string;
let daemon: Daemon | undefined;

beforeAll(ensureBuilt, 300_000);
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'assetra-site-'));
  dir = join(folder, 'site');
  const made = await assetra(
    ['init', '--yes', '--dir', dir, '--tenant', 'Plant 1', '--admin', 'alice', '--password-stdin', '--json'],
    { input: password },
  );
  expect([made.stderr, made.code]).toEqual(['', 0]);
  expect(JSON.parse(made.stdout)).toMatchObject({ tenant_id: 1, user_id: 1 });
}, 60_000);
afterEach(async () => {
  if (daemon?.child.exitCode === null && daemon.child.signalCode === null) await end(daemon, 'SIGKILL');
  daemon = undefined;
  rmSync(folder, { recursive: true, force: true });
});

interface Daemon {
  child: ChildProcess;
  address: string;
  lines: string[];
}

async function serve(...flags: string[]): Promise<Daemon> {
  const child = spawn(process.execPath, ['bin/assetra', 'serve', '--dir', dir, '--port', '0', ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  child.stdout.on('data', (text: Buffer) => lines.push(...text.toString().split('\n').filter(Boolean)));
  child.stderr.on('data', (text: Buffer) => lines.push(text.toString()));
  await until(
    () => lines.some((line) => line.includes('"listening"')) || child.exitCode !== null,
    'the daemon to listen',
    30_000,
  );
  const line = JSON.parse(lines.find((text) => text.includes('"listening"'))!);
  expect(line).toMatchObject({
    message: 'listening',
    level: 'INFO',
    address: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
  });
  daemon = { child, address: line.address, lines };
  return daemon;
}

async function end({ child }: Daemon, signal: NodeJS.Signals): Promise<number | null> {
  const gone = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.kill(signal);
  return gone;
}

async function client(address: string) {
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(`${address}/api/v1/${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const login = await post('auth/token/', { username: 'alice', password });
  const { access } = (await login.json()) as { access: string };
  const headers = { Authorization: `Bearer ${access}`, 'X-Tenant-ID': 'plant-1' };
  const get = async (path: string) =>
    (await (await fetch(`${address}/api/v1/${path}`, { headers })).json()) as {
      count: number;
      results: Record<string, unknown>[];
    };
  return { post: (path: string, body: object) => post(path, body, headers), get };
}

describe('the daemon', () => {
  it('keeps its secrets to its owner, serves, logs no secret and ends in order', async () => {
    for (const file of ['assetra.env', 'keys/jwt.key'])
      expect(statSync(join(dir, file), { throwIfNoEntry: false })?.mode.toString(8) ?? 'missing').toMatch(/600$/);
    const running = await serve();
    const { post } = await client(running.address);
    expect((await post('assets/', { asset_tag: 'A-1', name: 'Drill' })).status).toBe(201);
    expect((await post('assets/', { asset_tag: 'A-1', name: 'Drill' })).status).toBe(409);
    expect(await end(running, 'SIGTERM')).toBe(0);
    const log = running.lines.join('\n');
    for (const secret of [password, readFileSync(join(dir, 'keys/jwt.key'), 'utf8').trim(), 'eyJ'])
      expect(log).not.toContain(secret);
    const line = JSON.parse(running.lines.find((text) => text.includes('"status_code":409'))!);
    expect(line).toMatchObject({
      level: 'WARNING',
      logger: 'assetra.api',
      tenant_id: '1',
      user_id: 1,
      status_code: 409,
      message: 'POST /api/v1/assets/ 409',
    });
    expect(line).toMatchObject({
      timestamp: expect.stringMatching(/Z$/),
      request_id: expect.any(String),
      duration_ms: expect.any(Number),
    });
  });

  it('killed in the middle keeps every scan it has answered, each once', async () => {
    const running = await serve();
    const { post } = await client(running.address);
    const answered: string[] = [];
    const sends = Array.from({ length: 400 }, async () => {
      const client_event_id = randomUUID();
      const answer = await post('scan-events/', { client_event_id, raw_value: 'A-1' }).catch(() => undefined);
      if (answer?.status === 201) answered.push(client_event_id);
    });
    await until(() => answered.length >= 50, 'some answers');
    await end(running, 'SIGKILL');
    await Promise.all(sends);
    expect(answered.length).toBeLessThan(400);
    const again = await serve();
    const { get } = await client(again.address);
    const stored: unknown[] = [];
    for (let page = 1, count = 1; stored.length < count; page += 1) {
      const body = await get(`scan-events/?page_size=500&page=${page}`);
      count = body.count;
      stored.push(...body.results.map((row) => row.client_event_id));
    }
    expect(new Set(stored).size).toBe(stored.length);
    expect(answered.filter((id) => !stored.includes(id))).toEqual([]);
    const database = new Database({ dialect: 'sqlite', filename: join(dir, 'assetra.db'), poolSize: 1 });
    expect(await database.query('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
    await database.close();
  }, 60_000);

  it('records what a scanner on a serial line sends, before and after it was unplugged', async () => {
    const pty = createPty();
    await pty.plug();
    const running = await serve();
    const { post, get } = await client(running.address);
    const asset = (await (await post('assets/', { asset_tag: 'LINE-1', name: 'Drill' })).json()) as { id: number };
    const added = await assetra([
      'devices',
      'add',
      'Dock 3',
      '--dir',
      dir,
      '--tenant',
      'plant-1',
      '--kind',
      'serial',
      '--path',
      pty.path,
      '--json',
    ]);
    expect(added.code).toBe(0);
    const isOpen = async () => (await (await fetch(`${running.address}/health/`)).text()).includes('"state":"open"');
    const scans = async () => (await get('scan-events/?source_type=external_scanner&ordering=id')).results;
    await until(isOpen, 'the line to open');
    await pty.send(']C0LINE-1\r');
    await until(async () => (await scans()).length === 1, 'the scan');
    expect((await scans())[0]).toMatchObject({
      asset: asset.id,
      status: 'validated',
      scanner_label: 'device:Dock 3',
      source_type: 'external_scanner',
    });
    await pty.unplug();
    await until(async () => !(await isOpen()), 'the loss to be noticed');
    await pty.plug();
    await until(isOpen, 'the line to open again');
    await pty.send('LINE-1\r');
    await until(async () => (await scans()).length === 2, 'the second scan');
    expect(await end(running, 'SIGTERM')).toBe(0);
    await pty.remove();
  }, 60_000);

  it('says in one sentence that its port is taken', async () => {
    const running = await serve();
    const port = new URL(running.address).port;
    const second = await assetra(['serve', '--dir', dir, '--port', port]);
    expect([second.code, second.stderr.trim()]).toEqual([
      1,
      `assetra: Another program listens on 127.0.0.1:${port}. Stop it, or choose another port with --port.`,
    ]);
  });

  it('answers 503 while another program holds the database, and goes on after', async () => {
    const running = await serve();
    const { post } = await client(running.address);
    const rival = new Database({ dialect: 'sqlite', filename: join(dir, 'assetra.db'), poolSize: 1 });
    let release = () => {};
    const holding = rival.transaction(
      () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    );
    await until(() => rival.poolState().used === 1, 'the lock');
    const refused = await post('scan-events/', { raw_value: 'A-1' });
    expect([refused.status, refused.headers.get('Retry-After')]).toEqual([503, '5']);
    release();
    await holding;
    await rival.close();
    expect((await post('scan-events/', { raw_value: 'A-1' })).status).toBe(201);
  }, 30_000);
});

describe('the command line', () => {
  const run = (...args: string[]) => assetra([...args, '--dir', dir]);

  it('keeps tenants, users and tokens, as JSON and as tables', async () => {
    const tenant = JSON.parse((await run('tenant', 'add', 'Werk Süd', '--json')).stdout);
    expect(tenant).toMatchObject({ tenant_id: 2, slug: 'werk-sud' });
    const user = await assetra(
      ['user', 'add', 'bob', '--tenant', 'Werk Süd', '--role', 'operator', '--password-stdin', '--json', '--dir', dir],
      { input: password },
    );
    expect(JSON.parse(user.stdout)).toMatchObject({ user_id: 2, tenant_id: 2, role: 'operator' });
    expect((await run('user', 'role', 'bob', '--tenant', '2', '--role', 'admin')).code).toBe(0);
    expect((await run('user', 'list')).stdout).toMatch(/bob\s+werk-sud: admin\s+yes/);
    const token = JSON.parse(
      (await run('token', 'add', 'Kiosk', '--tenant', '1', '--role', 'operator', '--json')).stdout,
    );
    expect(token.token).toMatch(/^ast_/);
    expect((await run('token', 'list')).stdout).not.toContain(token.token);
    expect((await run('token', 'revoke', 'Kiosk')).code).toBe(0);
    expect((await run('tenant', 'disable', 'werk-sud')).code).toBe(0);
    expect((await run('tenant', 'add', 'Plant 1')).code).toBe(1);
    expect((await run('user', 'disable', 'nobody')).stderr).toContain('There is no user "nobody"');
  }, 60_000);

  it('makes and prints a batch', async () => {
    const batch = JSON.parse(
      (await run('batch', 'create', '--tenant', '1', '--prefix', 'B-', '--from', '1', '--to', '12', '--json')).stdout,
    );
    expect(batch).toMatchObject({ batch_id: 1, labels: 12 });
    for (const [format, head] of [
      ['pdf', '%PDF'],
      ['zpl', '^XA^'],
      ['png', '\u0089PNG'],
    ]) {
      const out = join(folder, `labels.${format}`);
      const printed = await run(
        'batch',
        'print',
        '1',
        '--tenant',
        '1',
        '--format',
        format!,
        '--out',
        out,
        '--from',
        '3',
        '--to',
        format === 'png' ? '3' : '5',
        '--json',
      );
      expect([printed.code, JSON.parse(printed.stdout).labels]).toEqual([0, format === 'png' ? 1 : 3]);
      expect(readFileSync(out, 'latin1').startsWith(head!)).toBe(true);
    }
    for (const [args, code] of [
      [['99'], 1],
      [['1', '--tags', 'A'], 2],
      [[], 2],
      [['1', '--sheet', 'nothing'], 1],
      [['1', '--out', join(folder, 'no/such/folder.pdf')], 1],
    ] as const) {
      const failed = await run('batch', 'print', ...args, '--tenant', '1');
      expect([args, failed.code, failed.stderr.includes('\n    at ')]).toEqual([args, code, false]);
    }
  }, 60_000);

  it('says what is wrong with a site', async () => {
    expect((await run('doctor')).code).toBe(0);
    expect((await run('migrate', 'down')).code).toBe(0);
    const doctor = await run('doctor', '--json');
    expect([
      doctor.code,
      JSON.parse(doctor.stdout).find(({ check }: { check: string }) => check === 'migrations').result,
    ]).toEqual([1, 'failed']);
    expect((await run('serve', '--port', '0')).stderr).toContain('Run `assetra migrate`');
    expect((await run('migrate')).code).toBe(0);
    const again = await assetra(['init', '--yes', '--dir', dir, '--password-stdin'], { input: password });
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('holds a site already')]);
    const nowhere = await assetra(['tenant', 'list', '--dir', join(folder, 'nowhere')]);
    expect([nowhere.code, nowhere.stderr.trim().split('\n')]).toEqual([
      2,
      [expect.stringContaining('Run `assetra init`')],
    ]);
  }, 60_000);
});
