import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantContext } from '../../src/db/context.ts';
import type { Database } from '../../src/db/database.ts';
import { served } from '../../src/domain/assets/service.ts';
import { noSmallDisk, SmallDisk } from '../support/faults/small-disk.ts';
import { until } from '../support/pty.ts';
import { sheetsOf } from '../support/workbook.ts';
import { besides, initPlant } from './plant.ts';
import { assetra, program } from './spawn.ts';

const folder = mkdtempSync(join(tmpdir(), 'assetra-export-'));
const dir = join(folder, 'site');
const run = (...args: string[]) => assetra(['export', ...args, '--dir', dir], { cwd: folder });
const inPlant = (...args: string[]) => run(...args, '--tenant', 'plant-1');
const file = (name: string) => join(folder, name);
const noDisk = noSmallDisk();

beforeAll(async () => {
  await initPlant(dir);
  expect((await assetra(['tenant', 'add', 'Plant 2', '--dir', dir])).code).toBe(0);
  await besides(dir, addAssets);
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true }));

async function addAssets(ctx: TenantContext, database: Database): Promise<void> {
  for (const [asset_tag, name, status] of [
    ['T-1', '=Pump', 'active'],
    ['T-2', 'Größe 测试', 'active'],
    ['T-3', 'Lathe', 'lost'],
  ])
    await served.create(ctx, { asset_tag, name, status });
  const [row] = await database.query<Record<string, never>>("SELECT * FROM assets WHERE asset_tag = 'T-3'");
  const { id: _, ...columns } = row!;
  const many = Array.from({ length: 30_000 }, (_, index) => ({ ...columns, tenant_id: 2, asset_tag: `M-${index}` }));
  await database.insertMany('assets', many as never);
}

// Each starts the program several times.
describe('assetra export', { timeout: 120_000 }, () => {
  it('writes the assets as CSV, without a daemon', async () => {
    const { code, stdout, stderr } = await inPlant('--out', file('all.csv'));
    expect([code, stdout]).toEqual([0, `Wrote 3 rows of assets to ${file('all.csv')}.\n`]);
    expect(stderr).toBe('assets: 3 of 3 (100 %)\n');
    const lines = readFileSync(file('all.csv'), 'utf8').trimEnd().split('\r\n');
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/^id,tenant,created_at,updated_at,asset_tag,/);
    expect(lines.join('\n')).toContain("T-1,'=Pump,");
  });

  it('filters, orders, takes columns, and writes into the pipe alone', async () => {
    const asked = [
      '--filter',
      'status=active',
      '--columns',
      'asset_tag,name',
      '--ordering',
      '-asset_tag',
      '--out',
      '-',
    ];
    const { code, stdout, stderr } = await inPlant(...asked, '--json');
    expect([code, stdout]).toEqual([0, "asset_tag,name\r\nT-2,Größe 测试\r\nT-1,'=Pump\r\n"]);
    expect(stderr).toBe('assets: 2 of 2 (100 %)\n');
    const found = await inPlant('--search', 'lathe', '--columns', 'asset_tag', '--format', 'jsonl', '--out', '-');
    expect(found.stdout).toBe('{"asset_tag":"T-3"}\n');
  });

  it('tells the format by the ending, and what it did as one document', async () => {
    const { code, stdout } = await inPlant('--columns', 'asset_tag', '--out', file('tags.xlsx'), '--json');
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      { file: file('tags.xlsx'), tenant_id: 1, resource: 'assets', format: 'xlsx', rows: 3 },
    ]);
    const [sheet] = sheetsOf(readFileSync(file('tags.xlsx')));
    expect(sheet!.flat().sort()).toEqual(['T-1', 'T-2', 'T-3', 'asset_tag']);
  });

  it('knows the other lists, by their short names too, and names the file after them', async () => {
    for (const [name, path] of [
      ['locations', 'locations'],
      ['categories', 'asset-categories'],
      ['assets/1/history', 'assets-1-history'],
    ]) {
      const { code, stdout } = await inPlant(name!);
      expect([code, stdout]).toEqual([0, expect.stringContaining(`to ${file(`${path}.csv`)}.`)]);
      expect(readFileSync(file(`${path}.csv`), 'utf8')).toMatch(/^id,/);
    }
  });

  it.each([
    [['nothing'], 'There is no list "nothing". There are: asset-categories,'],
    [['constructor'], 'There is no list "constructor".'],
    [['--filter', 'colour=red'], '--filter colour: Unknown filter.'],
    [['--filter', 'colour'], '--filter wants NAME=VALUE'],
    [['--filter', 'status=active', 'status=lost'], '--filter names status twice.'],
    [['--columns', 'colour'], '--columns: Unknown: colour.'],
    [['--ordering', 'colour'], '--ordering: Cannot order by this.'],
    [['--format', 'pdf'], '--format'],
  ])('%j is a wrong use', async (args, sentence) => {
    const { code, stdout, stderr } = await inPlant(...args, '--out', file('never.csv'));
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(sentence)]);
    expect(readdirSync(folder).filter((name) => name.startsWith('never'))).toEqual([]);
  });

  it('says at once where it cannot write', async () => {
    mkdirSync(file('there'), { recursive: true });
    const { code, stderr } = await inPlant('--out', file('there'));
    expect([code, stderr]).toEqual([1, expect.stringContaining('is a folder. Name a file with --out.')]);
  });

  it('that is killed leaves nothing under the name of the file', async () => {
    const target = file('killed.csv');
    const args = [program, 'export', '--tenant', 'plant-2', '--out', target, '--dir', dir];
    const child = spawn(process.execPath, args, { stdio: 'ignore' });
    const names = () => readdirSync(folder).filter((name) => name.startsWith('killed'));
    await until(() => names().length > 0, 'it to begin', 60_000);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
    expect(names()).toEqual(['killed.csv.part']);
    expect((await run('--tenant', 'plant-2', '--out', target, '--json')).code).toBe(0);
    expect(names()).toEqual(['killed.csv']);
    expect(readFileSync(target, 'utf8').split('\r\n')).toHaveLength(30_002);
  });

  it.skipIf(noDisk !== undefined)('that meets a full disk says so and leaves nothing', async () => {
    const disk = new SmallDisk(1).start();
    try {
      const target = join(disk.folder, 'all.csv');
      const { code, stdout, stderr } = await run('--tenant', 'plant-2', '--out', target);
      expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining(`The disk is full; ${target}`)]);
      expect(readdirSync(disk.folder)).toEqual([]);
    } finally {
      disk.stop();
    }
  });
});
