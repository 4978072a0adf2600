import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { onTerminal } from '../../src/cli/template/terminal.ts';
import { PrinterSimulator } from '../../src/devices/simulator/printer.ts';
import { zxing } from '../support/decode.ts';
import { Daemon } from '../support/faults/daemon.ts';
import { logIn, makeSite, type Site } from '../support/faults/site.ts';
import { codesOn } from '../support/printing.ts';
import { until } from '../support/pty.ts';
import { assetra, ensureBuilt, program } from './spawn.ts';

let site: Site;
let simulator: PrinterSimulator;
beforeAll(async () => {
  ensureBuilt();
  site = await makeSite();
  simulator = new PrinterSimulator({ speed: 5 });
  await simulator.start();
}, 120_000);
afterAll(async () => {
  await simulator?.stop();
  site?.remove();
});

const run = (...args: string[]) => assetra([...args, '--dir', site.dir]);
const inTenant = (...args: string[]) => run(...args, '--tenant', 'plant-1', '--json');
const document = async (...args: string[]) => {
  const { code, stdout, stderr } = await inTenant(...args);
  expect([code, stderr.includes('assetra:')]).toEqual([0, false]);
  return JSON.parse(stdout);
};

it('a printer is set up, prints without a daemon, and says what is wrong with it', async () => {
  const url = `tcp://127.0.0.1:${simulator.port}`;
  const added = await document('printer', 'add', 'Dock', '--url', url, '--default', '--offset-x', '-0.5');
  expect(added).toMatchObject({ name: 'Dock', url, model: 'ASSETRA-SIM', dpi: 203, reasons: [] });
  const { batch_id } = await document('batch', 'create', '--prefix', 'C-', '--from', '1', '--to', '4');
  const printed = await document('batch', 'print', String(batch_id), '--printer', 'Dock', '--wait');
  expect(printed).toMatchObject({ state: 'done', labels: 4, confirmed: 4, unknown: 0 });
  expect(codesOn(simulator)).toEqual(['C-1', 'C-2', 'C-3', 'C-4']);
  const twice = await inTenant('batch', 'print', String(batch_id), '--printer', 'Dock');
  expect([twice.code, twice.stderr]).toEqual([
    1,
    expect.stringContaining('4 of these 4 labels were given to a printer'),
  ]);

  simulator.set('head_open', true);
  const status = await inTenant('printer', 'status', 'Dock');
  expect([status.code, JSON.parse(status.stdout)]).toMatchObject([1, { state: 'blocked', reasons: ['head_open'] }]);
  const { stdout } = await run('doctor', '--json');
  const line = JSON.parse(stdout).find(({ check }: { check: string }) => check === 'printer Dock');
  expect(line).toMatchObject({
    result: 'warning',
    message: expect.stringContaining('The print head is open. Close it'),
  });
  simulator.set('head_open', false);
  expect((await inTenant('printer', 'status', 'Dock')).code).toBe(0);
}, 120_000);

it('names what was asked wrongly, with the exit code for it', async () => {
  const wrong: [string[], RegExp][] = [
    [['printer', 'add', 'X', '--url', 'nonsense'], /no address of a printer/],
    [['printer', 'status', 'Nowhere'], /There is no printer .+Nowhere.+There are: Dock/],
    [['batch', 'print', '999', '--printer', 'Dock'], /There is no batch 999/],
    [['batch', 'print', '1', '--printer', 'Dock', '--sheet', 'l7160'], /Only a PDF has a page/],
    [['batch', 'print', '1', '--wait'], /--wait goes with --printer/],
    [['printer', 'cancel', 'Dock', '--job', '999'], /Dock has no print job 999/],
  ];
  for (const [args, message] of wrong) {
    const { code, stderr } = await inTenant(...args);
    expect([args, code === 0, stderr]).toEqual([args, false, expect.stringMatching(message)]);
  }
}, 120_000);

it('the API prints a batch through the daemon, and tells of each label', async () => {
  const daemon = await new Daemon(site.dir).start();
  try {
    const client = await logIn(daemon.address);
    const batch = (await client.post('barcode-batches/', { prefix: 'D-', start_sequence: 1, end_sequence: 3 })).body;
    const { status, body: job } = await client.post(`barcode-batches/${batch.id}/print/`, {});
    expect([status, job.total, job.state]).toEqual([201, 3, 'queued']);
    await until(async () => (await client.get(`print-jobs/${job.id}/`)).body.state === 'done', 'it to be printed');
    const { results } = (await client.get(`print-jobs/${job.id}/labels/`)).body;
    expect(results.map(({ code_value, state }: Record<string, string>) => [code_value, state])).toEqual([
      ['D-1', 'confirmed'],
      ['D-2', 'confirmed'],
      ['D-3', 'confirmed'],
    ]);
    const text = await (await fetch(`${daemon.address}/metrics/`)).text();
    expect(text).toContain('assetra_print_labels_total{state="confirmed"} 3');
    expect((await client.post('printers/', { name: 'File', url: 'dir:/tmp' })).body).toEqual({
      url: ['A path of the server that is no usual name of a printer is set up by `assetra printer add` alone.'],
    });
  } finally {
    await daemon.stop();
  }
}, 120_000);

it('a template is drawn into a file, and onto terminals that can', async () => {
  const file = join(site.dir, 'label.png');
  await document('template', 'preview', '50x25', '--code', 'SEE-1', '--out', file);
  expect((await zxing(readFileSync(file))).map(({ text }) => text)).toEqual(['SEE-1']);
  const png = readFileSync(file);
  expect(onTerminal(png, 'xterm-256color', true)).toBeUndefined();
  expect(onTerminal(png, 'xterm-kitty', false)).toBeUndefined();
  const shown = onTerminal(png, 'xterm-kitty', true)!;
  const pieces = [...shown.matchAll(/\u001b_G([^;]*);([^\u001b]*)\u001b\\/g)];
  expect(Buffer.from(pieces.map(([, , data]) => data).join(''), 'base64')).toEqual(png);
  expect(pieces.at(-1)![1]).toContain('m=0');
  expect(onTerminal(png, 'screen iTerm.app', true)).toBeUndefined();
  expect(onTerminal(png, 'xterm iTerm.app', true)).toContain(`size=${png.length}`);
  const found = await inTenant('template', 'check', '25x25', '--code', 'x'.repeat(400));
  expect(found.code).toBe(1);
  expect(JSON.parse(found.stdout).resolutions[0]).toMatchObject({ dpi: 203, fits: false });
}, 120_000);

/** What the command writes to a terminal of that name, as it comes out at the other end. */
async function onPty(env: Record<string, string>, ...args: string[]): Promise<string> {
  const command = [process.execPath, program, ...args, '--dir', site.dir, '--tenant', 'plant-1'].join(' ');
  const child = spawn('socat', ['-u', `EXEC:${command},pty,raw,echo=0`, '-'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, ...env },
    cwd: site.dir,
  });
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  await new Promise((resolve) => child.once('close', resolve));
  return Buffer.concat(parts).toString('latin1');
}

it('a template is shown on a terminal that can, and written to a file from any other', async () => {
  const preview = ['template', 'preview', '50x25', '--code', 'SEE-2'];
  const read = async (base64: string) => (await zxing(Buffer.from(base64, 'base64'))).map(({ text }) => text);

  const kitty = await onPty({ TERM: 'xterm-kitty' }, ...preview);
  const pieces = [...kitty.matchAll(/\u001b_G([^;]*);([^\u001b]*)\u001b\\/g)];
  expect(kitty.replace(/\u001b_G[^\u001b]*\u001b\\/g, '').trim()).toBe('');
  expect(pieces[0]![1]).toMatch(/^a=T,f=100,q=2,m=[01]$/);
  for (const [, keys, data] of pieces.slice(1))
    expect([keys, data!.length <= 4_096]).toEqual([expect.stringMatching(/^q=2,m=[01]$/), true]);
  for (const [, , data] of pieces.slice(0, -1)) expect(data!.length % 4).toBe(0);
  expect(await read(pieces.map(([, , data]) => data).join(''))).toEqual(['SEE-2']);

  const iterm = await onPty({ TERM: 'xterm-256color', TERM_PROGRAM: 'iTerm.app' }, ...preview);
  const [, size, data] = /^\u001b\]1337;File=inline=1;size=(\d+):([A-Za-z0-9+/=]+)\u0007\s*$/.exec(iterm)!;
  expect(Buffer.from(data!, 'base64').length).toBe(Number(size));
  expect(await read(data!)).toEqual(['SEE-2']);

  expect(await onPty({ TERM: 'xterm-256color' }, ...preview)).toMatch(/^Wrote .*50x25\.png\.\s*$/);
}, 120_000);

it('--wait prints by itself where the daemon leaves printers alone, and /health/ tells of a blocked one', async () => {
  const daemon = await new Daemon(site.dir, { flags: ['--no-devices'] }).start();
  try {
    const health = async () =>
      (await (await fetch(`${daemon.address}/health/`)).json()) as { checks: { printers: unknown } };
    const { batch_id } = await document('batch', 'create', '--prefix', 'W-', '--from', '1', '--to', '2');
    const printed = await inTenant('batch', 'print', String(batch_id), '--printer', 'Dock', '--wait');
    expect([printed.code, printed.stderr]).toEqual([0, expect.stringContaining('this command prints by itself')]);
    expect((await health()).checks.printers).toMatchObject({ status: 'healthy' });
    simulator.set('paper_out', true);
    const next = await document('batch', 'create', '--prefix', 'V-', '--from', '1', '--to', '2');
    const waiting = inTenant('batch', 'print', String(next.batch_id), '--printer', 'Dock', '--wait');
    await until(async () => JSON.stringify(await health()).includes('paper_out'), 'it to be told', 20_000);
    expect(await health()).toMatchObject({
      status: 'degraded',
      checks: {
        printers: {
          status: 'degraded',
          component: 'printers',
          printers: [{ name: 'Dock', state: 'blocked', reason: 'paper_out', since: expect.any(String) }],
        },
      },
    });
    simulator.set('paper_out', false);
    expect((await waiting).code).toBe(0);
  } finally {
    simulator.set('paper_out', false);
    await daemon.stop();
  }
}, 120_000);

it('simulate printer is one, keeps what it printed, and obeys its standard input', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'assetra-sim-'));
  const args = [program, 'simulate', 'printer', '--port', '0', '--speed', '5', '--out', folder];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    await until(() => /tcp:\/\/127\.0\.0\.1:\d+/.test(said), 'its address');
    await document('printer', 'add', 'Sim', '--url', /tcp:\/\/[\d.:]+\d/.exec(said)![0]);
    for (const line of ['roll many', 'speed', 'power up', 'reset -1', 'dance']) child.stdin.write(`${line}\n`);
    await until(() => (said.match(/means nothing here/g) ?? []).length === 5, 'nonsense to be refused');
    const taken = await run('simulate', 'printer', '--port', /:(\d+)\./.exec(said)![1]!);
    expect([taken.code, taken.stderr]).toEqual([1, expect.stringMatching(/another program/i)]);
    child.stdin.write('paper_out on\n');
    await until(() => said.includes('0 printed, 0 in it; paper_out'), 'it to be out of paper');
    expect((await inTenant('printer', 'status', 'Sim')).stdout).toContain('paper_out');
    child.stdin.write('paper_out off\n');
    await until(() => said.includes('nothing wrong'), 'it to have paper');
    await document('printer', 'test', 'Sim');
    expect((await zxing(readFileSync(join(folder, 'label-00001.png')))).map(({ text }) => text)).toEqual(['TEST']);
    expect(existsSync(join(folder, 'label-00001.zpl'))).toBe(true);
    child.stdin.write('quit\n');
    expect(await ended).toBe(0);
  } finally {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
