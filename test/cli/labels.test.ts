import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantContext } from '../../src/db/context.ts';
import { served } from '../../src/domain/assets/service.ts';
import { drawZpl, pagesOf, textOf, zxing } from '../support/decode.ts';
import { besides, initPlant } from './plant.ts';
import { assetra } from './spawn.ts';

const folder = mkdtempSync(join(tmpdir(), 'assetra-labels-'));
const dir = join(folder, 'site');
const run = (...args: string[]) => assetra([...args, '--dir', dir, '--tenant', 'plant-1'], { cwd: folder });
const print = (...args: string[]) => run('batch', 'print', ...args);
const file = (name: string) => join(folder, name);
const codesOn = async (picture: Uint8Array) => (await zxing(picture)).map(({ text }) => text);

beforeAll(async () => {
  await initPlant(dir);
  await besides(dir, addAssets);
  const made = await run('batch', 'create', '--prefix', 'B-', '--from', '1', '--to', '40', '--json');
  expect([made.code, made.stderr]).toEqual([0, '']);
  const batch = { batch_id: 1, tenant_id: 1, prefix: 'B-', from: 1, to: 40, labels: 40, status: 'ready' };
  expect(JSON.parse(made.stdout)).toEqual(batch);
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true }));

async function addAssets(ctx: TenantContext): Promise<void> {
  for (const [asset_tag, name, status] of [
    ['T-1', 'Pump', 'active'],
    ['T-2', 'Größe 测试', 'active'],
    ['T-3', 'Lathe', 'lost'],
  ])
    await served.create(ctx, { asset_tag, name, status });
}

describe('a batch', () => {
  const id = '1';

  it('is listed with its first and last code', async () => {
    expect((await run('batch', 'list')).stdout).toMatch(/^ *1 +B-1 +B-40 +40 +\w+ +\d{4}-/m);
    expect(JSON.parse((await run('batch', 'list', '--json')).stdout)).toMatchObject([{ id: 1, prefix: 'B-' }]);
  });

  it('prints as ZPL, a label for each number of the range', async () => {
    const out = file('labels.zpl');
    const { code, stdout } = await print(id, '--format', 'zpl', '--from', '7', '--to', '9', '--out', out, '--json');
    expect([code, JSON.parse(stdout)]).toEqual([0, { file: out, format: 'zpl', labels: 3 }]);
    const zpl = readFileSync(out, 'latin1');
    expect(zpl.match(/\^XA/g)).toHaveLength(3);
    const pictures = await drawZpl(zpl, { width_mm: 50, height_mm: 25 }, 8);
    expect(await Promise.all(pictures.map(codesOn))).toEqual([['B-7'], ['B-8'], ['B-9']]);
  });

  it('prints as PDF, its progress on standard error and the document alone on standard output', async () => {
    const out = file('labels.pdf');
    const { code, stdout, stderr } = await print(id, '--out', out, '--json');
    expect([code, JSON.parse(stdout)]).toEqual([0, { file: out, format: 'pdf', labels: 40 }]);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr.trimEnd().split('\n').at(-1)).toBe('Labels: 40 of 40 (100 %)');
    const pages = await pagesOf(readFileSync(out), 203);
    expect(pages).toHaveLength(40);
    expect(await codesOn(pages[39]!)).toEqual(['B-40']);
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('prints as PNG: one picture into the file, several into a folder in their order', async () => {
    await print(id, '--format', 'png', '--from', '5', '--to', '5', '--out', file('one.png'));
    expect(await codesOn(readFileSync(file('one.png')))).toEqual(['B-5']);
    const { stdout } = await print(id, '--format', 'png', '--from', '9', '--out', file('many.png'), '--json');
    expect(JSON.parse(stdout)).toEqual({ file: file('many'), format: 'png', labels: 32 });
    const names = readdirSync(file('many')).sort();
    expect([names.length, names[0], names[31]]).toEqual([32, '01.png', '32.png']);
    expect(await codesOn(readFileSync(file('many/32.png')))).toEqual(['B-40']);
  });

  it('prints on a part-used sheet from the place that is free', async () => {
    const out = file('sheet.pdf');
    expect((await print(id, '--sheet', '5160', '--start', '4', '--out', out)).code).toBe(0);
    const pages = await pagesOf(readFileSync(out), 300);
    const codes = await Promise.all(pages.map(codesOn));
    expect(codes.map((page) => page.length)).toEqual([27, 13]);
    expect(codes.flat()).toEqual(Array.from({ length: 40 }, (_, index) => `B-${index + 1}`));
  });

  it('takes another template', async () => {
    const out = file('big.zpl');
    const args = ['--format', 'zpl', '--template', '100x50', '--from', '2', '--to', '2', '--out', out];
    expect((await print(id, ...args)).code).toBe(0);
    const zpl = readFileSync(out, 'latin1');
    expect(zpl).toContain('^PW800');
    expect(await codesOn((await drawZpl(zpl, { width_mm: 100, height_mm: 50 }, 8))[0]!)).toEqual(['B-2']);
  });

  it('goes to standard output alone when that is the file', async () => {
    const { code, stdout } = await print(id, '--format', 'zpl', '--to', '2', '--out', '-');
    expect([code, stdout.match(/\^XA/g)]).toEqual([0, ['^XA', '^XA']]);
    expect(stdout.trimEnd().endsWith('^XZ')).toBe(true);
  });

  it('goes into a device or a pipe, which stays one', async () => {
    const pipe = file('printer');
    execFileSync('mkfifo', [pipe]);
    const read = readFile(pipe, 'latin1');
    expect((await print(id, '--format', 'zpl', '--to', '2', '--out', pipe)).code).toBe(0);
    expect((await read).match(/\^XA/g)).toHaveLength(2);
    expect(statSync(pipe).isFIFO()).toBe(true);
  });

  it('without --out is a file named after it, in the folder one stands in', async () => {
    const { code, stdout } = await print(id, '--format', 'zpl', '--to', '1');
    expect([code, stdout]).toEqual([0, `Wrote 1 label to ${file('batch-1.zpl')}.\n`]);
    expect(existsSync(file('batch-1.zpl'))).toBe(true);
  });
});

describe('assets', () => {
  const zplOf = async (...args: string[]) => {
    const { code, stdout } = await print(...args, '--format', 'zpl', '--out', '-');
    expect(code).toBe(0);
    return stdout;
  };

  it('are labelled by their tags, in that order', async () => {
    const zpl = await zplOf('--tags', 'T-3,T-1');
    const pictures = await drawZpl(zpl, { width_mm: 50, height_mm: 25 }, 8);
    expect(await Promise.all(pictures.map(codesOn))).toEqual([['T-3'], ['T-1']]);
    expect(zpl).toContain('Lathe');
  });

  it('are labelled by a query', async () => {
    const out = file('active.pdf');
    const { stdout } = await print('--query', 'status=active&ordering=asset_tag', '--out', out, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ labels: 2 });
    expect(await Promise.all((await pagesOf(readFileSync(out), 203)).map(codesOn))).toEqual([['T-1'], ['T-2']]);
    expect(await textOf(readFileSync(out))).toContain('Größe 测试');
  });
});

describe('a refusal', () => {
  it.each([
    [['99'], 1, 'There is no batch 99'],
    [['1', '--tags', 'T-1'], 2, 'Name what to print'],
    [['1', '--query', 'status=active'], 2, 'Name what to print'],
    [[], 2, 'Name what to print'],
    [['--tags', 'T-1', '--from', '2'], 2, '--from and --to go with a batch'],
    [['one'], 2, '"one" is no id'],
    [['--tags', 'T-1,NOPE'], 1, 'No asset has the tag NOPE'],
    [['--query', 'colour=red'], 1, 'colour'],
    [['--query', 'status=retired'], 1, 'no label to print'],
    [['1', '--from', '41'], 1, 'no label to print'],
    [['1', '--template', 'Nothing'], 1, 'Nothing'],
    [['1', '--sheet', '9999'], 1, '9999'],
    [['1', '--sheet', '5160', '--start', '31'], 1, '1 to 30'],
    [['1', '--format', 'zpl', '--sheet', 'avery-5160'], 2, 'Only a PDF has a page: leave out --sheet'],
    [['1', '--format', 'docx'], 2, 'pdf, zpl, png'],
    [['1', '--from', 'two'], 2, '--from'],
    [['1', '--offset-x', '1,5'], 2, '--offset-x'],
    [['1', '--out', join(folder, 'no/such/x.pdf')], 1, 'does not exist'],
    [['1', '--out', join(dir, 'assetra.env/x.pdf')], 1, 'no folder'],
    [['1', '--out', folder], 1, 'is a folder'],
    [['99', '--format', 'zpl', '--out', folder], 1, 'is a folder'],
    [['1', '--format', 'png', '--out', '-'], 2, '--out'],
    [['1', '--format', 'png', '--out', join(dir, 'assetra.env')], 1, 'a folder is needed'],
  ])('of %j is one sentence, and writes nothing', async (args, code, part) => {
    const before = readdirSync(folder);
    const refused = await print(...args);
    expect([refused.code, refused.stdout]).toEqual([code, '']);
    const lines = refused.stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^assetra: \S.*\.$/);
    expect(lines[0]).toContain(part);
    expect(readdirSync(folder)).toEqual(before);
  });
});
