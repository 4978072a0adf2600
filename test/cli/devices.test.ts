/** The commands for scanners as a site's admin runs them, against a real daemon. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Daemon } from '../support/faults/daemon.ts';
import { type Client, logIn, makeSite, type Site } from '../support/faults/site.ts';
import { until } from '../support/pty.ts';
import { SimulatedScanner } from '../support/simulated-scanner.ts';
import { assetra, ensureBuilt, program } from './spawn.ts';

let site: Site;
let daemon: Daemon;
let admin: Client;
let folder: string;
let token: string;

beforeAll(async () => {
  ensureBuilt();
  folder = mkdtempSync(join(tmpdir(), 'assetra-devices-'));
  site = await makeSite();
  daemon = await new Daemon(site.dir).start();
  admin = await logIn(daemon.address);
  for (const asset_tag of ['A-1', 'A-2']) await admin.post('assets/', { asset_tag, name: 'Drill' });
  await admin.post('locations/', { name: 'Dock', code: 'DOCK' });
  const added = await assetra([
    'token',
    'add',
    'Host',
    '--tenant',
    'plant-1',
    '--role',
    'operator',
    '--dir',
    site.dir,
    '--json',
  ]);
  token = JSON.parse(added.stdout).token;
  writeFileSync(join(folder, 'token'), `${token}\n`);
}, 120_000);
afterAll(async () => {
  await daemon?.kill();
  site?.remove();
  rmSync(folder, { recursive: true, force: true });
});

const hostDir = (name: string) => {
  const dir = join(folder, name);
  mkdirSync(dir, { recursive: true });
  return dir;
};
const toDaemon = () => ['--server', daemon.address, '--token-file', join(folder, 'token')];
const scansOf = async (code: string) => (await admin.get(`scan-events/?search=${code}&ordering=id`)).body.results;

describe('assetra devices run', () => {
  it('records what comes on standard input, prints the answers, and ends with it', async () => {
    const args = [
      'devices',
      'run',
      '--stdin',
      '--name',
      'Gate',
      '--location',
      'DOCK',
      '--dir',
      hostDir('pipe'),
      ...toDaemon(),
    ];
    const { code, stdout, stderr } = await assetra([...args, '--json'], { input: 'A-1\nWHO-1\nA-2' });
    expect([code, stderr.includes('wait on disk')]).toEqual([0, false]);
    const answers = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(answers.map(({ device, raw_value, outcome }) => [device, raw_value, outcome])).toEqual([
      ['Gate', 'A-1', 'recorded'],
      ['Gate', 'WHO-1', 'unknown'],
      ['Gate', 'A-2', 'recorded'],
    ]);
    expect((await scansOf('WHO-1'))[0]).toMatchObject({ location: 1, scanner_label: 'token:Host' });
  });

  it('records each line of a file, also two that are alike, and cuts what --set says', async () => {
    const args = ['devices', 'run', '--stdin', '--name', 'Twice', '--dir', hostDir('twice'), '--set', 'prefix=>'];
    const { code } = await assetra([...args, ...toDaemon()], { input: '\ufeff>TWICE-1\n>TWICE-1\n' });
    expect(code).toBe(0);
    expect((await scansOf('TWICE-1')).map(({ raw_value }: { raw_value: string }) => raw_value)).toEqual([
      'TWICE-1',
      'TWICE-1',
    ]);
  });

  it('is told by devices list what is plugged in, without a site', async () => {
    const { code, stdout, stderr } = await assetra(['devices', 'list', '--dir', hostDir('listed'), '--json']);
    expect([code, JSON.parse(stdout).devices]).toEqual([0, []]);
    expect(stderr).toMatch(/There is no site/);
    expect((await assetra(['devices', 'list', '--tenant', 'x', '--dir', hostDir('listed')])).code).toBe(2);
  });

  it('keeps scans over a kill of the daemon and of itself, and records each once', async () => {
    const line = new SimulatedScanner([
      '--listen',
      '0',
      '--random',
      '300',
      '--seed',
      '7',
      '--rate',
      '300',
      '--linger',
      '600',
    ]);
    const dir = hostDir('kept');
    const scanner = { name: 'Dock', kind: 'tcp', path: await line.address(), location: 'DOCK' };
    writeFileSync(
      join(dir, 'devices.json'),
      JSON.stringify({ server: daemon.address, tenant: 'plant-1', token_file: '../token', devices: [scanner] }),
    );
    const started = () => spawn(process.execPath, [program, 'devices', 'run', '--dir', dir], { stdio: 'ignore' });
    let host: ChildProcess = started();
    await until(async () => (await scansOf('SIM-')).length >= 20, 'the first scans', 30_000);
    await daemon.kill();
    await until(() => line.typed === 300, 'all to be typed', 20_000);
    await new Promise((resolve) => setTimeout(resolve, 300));
    host.kill('SIGKILL');
    await once(host, 'close');
    await daemon.start();
    host = started();
    await until(
      async () => (await admin.get('scan-events/?search=SIM-&page_size=1')).body.count === 300,
      'all scans',
      60_000,
    );
    host.kill('SIGTERM');
    expect((await once(host, 'close'))[0]).toBe(0);
    await line.unplug();
    const ids = new Set<string>();
    for (const page of [1, 2, 3]) {
      const { body } = await admin.get(`scan-events/?search=SIM-&ordering=id&page_size=100&page=${page}`);
      for (const { raw_value } of body.results) ids.add(raw_value);
    }
    expect(ids.size).toBe(300);
  }, 120_000);

  it.each([
    [['--stdin'], /Name the daemon with --server/],
    [['--stdin', '--server', 'assetra.example'], /Name the daemon with --server/],
    [['--stdin', '--server', 'http://127.0.0.1:1'], /Give the token/],
    [['--server', 'http://127.0.0.1:1', '--token', 'x'], /No scanner is named/],
    [
      ['--stdin', '--server', 'http://127.0.0.1:1', '--token', 'ast_a\nb'],
      /^assetra: The token is no token: it is a single word/,
    ],
    [['--stdin', '--server', 'http://127.0.0.1:1', '--token', ''], /The token is no token/],
    [['--stdin', '--server', 'http://127.0.0.1:1', '--token', 'x', '--tenant', 'Süd'], /by its slug or id/],
    [['--stdin', '--server', 'http://127.0.0.1:1', '--token', 'x', '--path', '/dev/x'], /either --path or --stdin/],
    [['--server', 'http://127.0.0.1:1', '--token', 'x', '--path', 'scanner'], /Name the device file/],
    [['--stdin', '--server', 'http://127.0.0.1:1', '--token-file', '/nonexistent'], /token file cannot be read/],
  ])('with %j is told what is missing', async (args, words) => {
    const { code, stderr } = await assetra(['devices', 'run', '--dir', hostDir('bare'), ...args]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(words)]);
  });

  it('is told in a sentence that scans cannot be kept, and that a path is of another kind', async () => {
    const dir = hostDir('full');
    writeFileSync(join(dir, 'spool'), '');
    const ran = await assetra(['devices', 'run', '--stdin', '--dir', dir, ...toDaemon()]);
    expect([ran.code, ran.stderr]).toEqual([2, expect.stringMatching(/Scans cannot be kept in .*Mend the folder/)]);
    const watched = await assetra(['devices', 'watch', '--kind', 'tcp', '--path', 'tcp://x', '--dir', dir]);
    expect([watched.code, watched.stderr]).toEqual([2, expect.stringContaining('Name it tcp://HOST:PORT.')]);
  });

  it('names what is wrong in devices.json', async () => {
    const dir = hostDir('faulty');
    const run = async (document: unknown) => {
      const text = typeof document === 'string' ? document : JSON.stringify(document);
      writeFileSync(join(dir, 'devices.json'), text);
      return (await assetra(['devices', 'run', '--dir', dir, ...toDaemon()])).stderr;
    };
    expect(await run('{')).toMatch(/devices\.json is not valid JSON/);
    expect(await run({ devices: [{ name: 'x', kind: 'hdi' }] })).toMatch(/kind: "hdi" is not a valid choice/);
    expect(await run({ devices: [{ name: 'x', settings: { mode: 'lend' } }] })).toMatch(/mode: "lend"/);
    const one = { name: 'x', path: '/dev/x' };
    expect(await run({ devices: [one, one] })).toMatch(/Two scanners are called "x"/);
  });
});

describe('a scanner of the daemon', () => {
  it('is set up with settings, read over TCP, and does what its mode says', async () => {
    const line = new SimulatedScanner([
      '--listen',
      '0',
      '--rate',
      '20',
      '--linger',
      '600',
      '--prefix',
      '>',
      '>A-2',
      'CMD:MOVE-HERE',
      'A-2',
    ]);
    const add = [
      'devices',
      'add',
      'Sim',
      '--tenant',
      'plant-1',
      '--kind',
      'tcp',
      '--location',
      'DOCK',
      '--dir',
      site.dir,
    ];
    const address = await line.address();
    const set = ['--path', address, '--mode', 'check_in', '--set', 'prefix=>,duplicate_window_ms=0,suffix=\\t'];
    const refused = await assetra([...add, '--path', 'tcp://x', '--json']);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('tcp://HOST:PORT')]);
    expect((await assetra([...add, '--path', address, '--set', 'nonsense=1'])).stderr).toMatch(/nonsense/);
    expect((await assetra([...add, ...set])).code).toBe(0);
    const [device] = (await admin.get('devices/')).body.results;
    expect(device.settings).toEqual({ prefix: '>', duplicate_window_ms: 0, suffix: '\t', mode: 'check_in' });
    await until(async () => (await admin.get('device-actions/')).body.count === 3, 'what the modes did');
    const actions = (await admin.get('device-actions/?ordering=id')).body.results;
    expect(actions.map(({ mode, outcome }: { mode: string; outcome: string }) => [mode, outcome])).toEqual([
      ['check_in', 'unknown'],
      ['check_in', 'command'],
      ['move_here', 'moved'],
    ]);
    const { checks } = (await (await fetch(`${daemon.address}/health/`)).json()) as never as {
      checks: { devices: { devices: object[] } };
    };
    expect(checks.devices.devices).toEqual([
      expect.objectContaining({ name: 'Sim', state: 'open', mode: 'move_here', last_outcome: 'moved' }),
    ]);
    await line.unplug();
    expect((await assetra(['devices', 'remove', 'Sim', '--tenant', 'plant-1', '--dir', site.dir])).code).toBe(0);
  }, 60_000);

  it('that cannot be read is named by doctor with the cure', async () => {
    const add = [
      'devices',
      'add',
      'Gone',
      '--tenant',
      'plant-1',
      '--path',
      '/dev/serial/by-id/gone',
      '--dir',
      site.dir,
    ];
    expect((await assetra(add)).code).toBe(0);
    const left = join(site.dir, 'spool', 'device-999.jsonl');
    writeFileSync(left, '{"client_event_id":"1","raw_value":"A-1","captured_at":"2026-01-01T00:00:00Z"}\n');
    const { stdout } = await assetra(['doctor', '--dir', site.dir, '--json']);
    const finding = JSON.parse(stdout).find(({ check }: { check: string }) => check === 'devices');
    expect(finding).toMatchObject({
      result: 'warning',
      message: expect.stringMatching(/Gone .*not plugged in.*devices list/),
    });
    expect(finding.message).toContain(`${left} has scans of a scanner that is removed or disabled.`);
    rmSync(left);
  });
});

describe('assetra simulate scanner', () => {
  it('says what is missing', async () => {
    for (const [args, words] of [
      [['A'], /either --pty or --listen/],
      [['--listen', '0'], /Say what to type/],
      [['--listen', 'here', 'A'], /\[HOST:\]PORT/],
      [['--pty', '/nonexistent/x', 'A'], /A pty cannot be made/],
    ] as const) {
      const { code, stderr } = await assetra(['simulate', 'scanner', ...args]);
      expect([code, stderr]).toEqual([2, expect.stringMatching(words)]);
    }
  });

  it('types the same made-up codes for the same seed, with prefix, suffix and GS as asked', async () => {
    const heard = async (args: string[]) => {
      const line = new SimulatedScanner(['--listen', '0', '--rate', '0', ...args]);
      const { port } = new URL((await line.address()).replace('tcp', 'http'));
      const socket = connect(Number(port), '127.0.0.1').setEncoding('utf8');
      let text = '';
      socket.on('data', (part) => {
        text += part;
      });
      await once(socket, 'end');
      socket.destroy();
      expect(await line.ended).toBe(0);
      return text;
    };
    const shaped = ['--prefix', '<', '--suffix', '>\\r\\n', '--gs', '|', 'A<GS>B', '--repeat', '2'];
    expect(await heard(shaped)).toBe('<A|B>\r\n<A|B>\r\n');
    const random = ['--random', '3', '--seed', '5'];
    const first = await heard(random);
    expect(first).toMatch(/^(SIM-[0-9A-Z]{6}\r){3}$/);
    expect(await heard(random)).toBe(first);
  }, 30_000);
});
