import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantContext } from '../../src/db/context.ts';
import * as assets from '../../src/domain/assets/service.ts';
import * as locations from '../../src/domain/locations/service.ts';
import { besides, initPlant } from './plant.ts';
import { assetra, program } from './spawn.ts';

const folder = mkdtempSync(join(tmpdir(), 'assetra-stocktake-'));
const dir = join(folder, 'site');
const file = (name: string) => join(folder, name);
const run = (args: string[], input = '') => assetra(['stocktake', ...args, '--dir', dir], { cwd: folder, input });
const json = async (args: string[], input = '') => {
  const { code, stdout } = await run([...args, '--json'], input);
  return { code, document: stdout === '' ? undefined : JSON.parse(stdout) };
};
const open = async (...flags: string[]) =>
  String((await json(['open', 'Ward 3', '--tenant', 'plant-1', ...flags])).document.session_id);

beforeAll(async () => {
  await initPlant(dir);
  expect((await assetra(['tenant', 'add', 'Plant 2', '--dir', dir])).code).toBe(0);
  await besides(dir, addAssets);
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true }));

async function addAssets(ctx: TenantContext): Promise<void> {
  const place = async (code: string) => (await locations.served.create(ctx, { name: `Place ${code}`, code })).id;
  const [ward, store] = [await place('WARD-3'), await place('STORE')];
  for (const [asset_tag, current_location] of [
    ['W-1', ward],
    ['W-2', ward],
    ['W-3', ward],
    ['S-1', store],
  ] as const)
    await assets.served.create(ctx, { asset_tag, name: `Asset ${asset_tag}`, current_location });
}

describe('a stock-take at the shell', () => {
  it('goes from open to reconciled', async () => {
    const opened = await run(['open', 'Ward 3, March', '--tenant', 'plant-1', '--location', 'WARD-3']);
    expect([opened.code, opened.stdout, opened.stderr]).toEqual([
      0,
      expect.stringMatching(/^Opened session \d+: 3 assets should be at WARD-3\.\n$/),
      '',
    ]);
    const id = /\d+/.exec(opened.stdout)![0];
    writeFileSync(file('codes.txt'), '\ufeffW-1\r\nW-2\r\n\r\nS-1\r\n');
    const counted = await run(['count', id, '--file', 'codes.txt']);
    expect([counted.code, counted.stdout]).toEqual([0, 'Counted 3 of 3 scans.\n']);
    const piped = await run(['count', id], 'W-2\nGHOST\n');
    expect([piped.code, piped.stdout, piped.stderr]).toEqual([
      0,
      'Counted 2 of 2 scans; 1 of them of unknown codes.\n',
      'Line 2: "GHOST" names no asset. It is kept.\n',
    ]);
    const shown = await run(['report', id]);
    expect(shown.stdout).toMatch(/Ward 3, March: Place WARD-3 \(WARD-3\), open/);
    expect(shown.stdout).toMatch(/Missing:\n.*\nW-3 +Asset W-3 +WARD-3 Place WARD-3 +0 +–/);
    const closed = await run(['close', id]);
    expect(closed.stdout).toBe(
      `Closed session ${id}: 2 found and 1 missing of 3 expected; 1 belong elsewhere, 0 are retired or lost, 1 codes are unknown.\nNext: assetra stocktake report ${id}\n`,
    );
    const late = await run(['count', id], 'W-3\n');
    expect([late.code, late.stderr]).toEqual([
      1,
      `Session ${id} is closed: what came after the close is kept as scan events and not counted.\n`,
    ]);
    const dry = await run(['reconcile', id, '--apply-moves', '--mark-lost', '--dry-run']);
    expect(dry.stdout).toMatch(/S-1 +moved +move here +would be done/);
    expect(dry.stdout).toMatch(/W-3 +missing +mark lost +skipped +It was scanned after the close\./);
    expect(dry.stdout).toContain('Nothing was changed. This would be: 1 moved here, 0 marked lost');
    const done = await json(['reconcile', id, '--apply-moves', '--ignore', 'W-3']);
    expect(done).toMatchObject({ code: 0, document: { status: 'reconciled', moved: 1, ignored: 1, left_open: 0 } });
    const listed = await run(['list', '--tenant', 'plant-1']);
    expect(listed.stdout).toMatch(/Ward 3, March +reconciled/);
  });

  it('writes its report as a file, or to standard output', async () => {
    const id = await open('--location', 'WARD-3');
    const pdf = await json(['report', id, '--format', 'pdf', '--out', 'ward.pdf']);
    expect(pdf).toEqual({ code: 0, document: { file: file('ward.pdf'), format: 'pdf' } });
    expect(execFileSync('pdftotext', [file('ward.pdf'), '-'], { encoding: 'utf8' })).toContain('Stock-take: Ward 3');
    expect((await run(['report', id, '--format', 'csv'])).stdout).toBe(
      `Wrote the report to ${file(`stock-take-${id}.csv`)}.\n`,
    );
    expect(readFileSync(file(`stock-take-${id}.csv`), 'utf8')).toContain('missing,1,W-1,Asset W-1,');
    const { stdout } = await run(['report', id, '--format', 'json', '--out', '-']);
    expect(JSON.parse(stdout).totals).toMatchObject({ expected: 4, missing: 4 });
    expect((await json(['report', id])).document.totals).toMatchObject({ expected: 4, missing: 4 });
    const nowhere = await run(['report', id, '--format', 'pdf', '--out', 'no/such/folder.pdf']);
    expect([nowhere.code, nowhere.stderr.trim().split('\n')]).toEqual([1, [expect.stringContaining('does not exist')]]);
    expect(existsSync(file('no'))).toBe(false);
  });

  it('takes its location from the first code that names one', async () => {
    const id = await open();
    const refused = await run(['close', id]);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/^assetra: This session has no location yet/),
    ]);
    await run(['count', id], 'W-1\nWARD-3\nW-2\n');
    expect((await json(['close', id])).document.totals).toMatchObject({ expected: 4, found: 2, missing: 2 });
  });

  it('counts each line as it comes', async () => {
    const id = await open('--location', 'WARD-3');
    const child = spawn(process.execPath, [program, 'stocktake', 'count', id, '--dir', dir, '--json'], {
      env: { PATH: process.env.PATH },
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    child.stdin.write('W-1\n');
    const found = async () => (await json(['report', id])).document.totals.found;
    for (const until = Date.now() + 15_000; Date.now() < until && (await found()) === 0; );
    expect(await found()).toBe(1);
    child.stdin.end('W-2');
    expect(await ended).toBe(0);
    expect(await found()).toBe(2);
  }, 60_000);

  it('says which line could not be counted, and counts the others', async () => {
    const id = await open('--location', 'WARD-3');
    const { code, document } = await json(['count', id], `W-1\n${'x'.repeat(600)}\nW-2\n`);
    expect([code, document]).toEqual([
      1,
      { session_id: Number(id), scans: 3, counted: 2, unknown: 0, repeated: 0, late: 0, failed: 1 },
    ]);
    const said = await run(['count', id], `${'x'.repeat(600)}\n`);
    expect(said.stderr).toMatch(
      /^Line 1: "x+…" was not recorded\. Ensure this field has no more than 512 characters\.\n$/,
    );
  });

  it('refuses what is wrong in one sentence', async () => {
    const id = await open('--location', 'WARD-3');
    for (const [args, code, sentence] of [
      [['open', 'X', '--tenant', 'plant-1', '--location', 'NONE'], 1, 'No location has the code "NONE".'],
      [['open', 'X', '--location', 'WARD-3'], 2, "Required option '--tenant <tenant>' not specified"],
      [
        ['open', 'X', '--tenant', 'plant-1', '--include-sublocations'],
        2,
        '--include-sublocations goes with --location.',
      ],
      [['count', 'x'], 2, '"x" is no id of a session. See `assetra stocktake list`.'],
      [['count', id, '--file', 'none.txt'], 1, 'none.txt cannot be read: there is no such file.'],
      [['close', '999'], 1, 'There is no session 999. See `assetra stocktake list`.'],
      [['close', id, '--tenant', 'plant-2'], 1, `There is no session ${id}. See \`assetra stocktake list\`.`],
      [['report', id, '--out', 'x.pdf'], 2, '--out goes with --format.'],
      [
        ['reconcile', id],
        2,
        'Choose what to correct: --apply-moves, --mark-lost, --move, --lost or --ignore; --dry-run shows it first.',
      ],
      [['reconcile', id, '--mark-lost'], 1, 'This session is still open. Close it, then reconcile it.'],
      [['reconcile', id, '--move', 'NONE'], 1, 'No asset has the tag NONE. Nothing was corrected.'],
    ] as const) {
      const outcome = await run([...args]);
      expect([args, outcome.code, outcome.stdout, outcome.stderr]).toEqual([args, code, '', `assetra: ${sentence}\n`]);
    }
  });
});
