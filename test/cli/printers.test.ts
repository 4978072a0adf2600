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
}, 60_000);

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
}, 60_000);

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
      url: ['A file or folder of the server is set up by `assetra printer add` alone.'],
    });
  } finally {
    await daemon.stop();
  }
}, 60_000);

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
  expect(onTerminal(png, 'xterm iTerm.app', true)).toContain(`size=${png.length}`);
  const found = await inTenant('template', 'check', '25x25', '--code', 'x'.repeat(400));
  expect(found.code).toBe(1);
  expect(JSON.parse(found.stdout).resolutions[0]).toMatchObject({ dpi: 203, fits: false });
}, 60_000);

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
}, 60_000);
