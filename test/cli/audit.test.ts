import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tar from 'tar';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeChangeable } from '../../migrations/insert-only.ts';
import { loadConfig } from '../../src/base/config.ts';
import { type Site, siteOf } from '../../src/cli/site.ts';
import { Database } from '../../src/db/database.ts';
import * as assets from '../../src/domain/assets/service.ts';
import { unique } from '../support/samples.ts';
import { initPlant } from './plant.ts';
import { assetra, spawned } from './spawn.ts';

let folder: string;
let dir: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'assetra-audit-'));
  dir = join(folder, 'site');
  await initPlant(dir);
  await onSite((site) => addAssets(site, 5));
}, 300_000);
afterEach(() => rmSync(folder, { recursive: true }));

async function onSite(work: (site: Site) => Promise<void>): Promise<void> {
  const config = loadConfig({ dir }, {});
  const database = new Database(config.database);
  try {
    await work(await siteOf(config, database));
  } finally {
    await database.close();
  }
}

async function addAssets(site: Site, count: number): Promise<void> {
  const ctx = await site.inTenant('plant-1');
  for (let number = 0; number < count; number += 1)
    await assets.served.create(ctx, { asset_tag: unique('T'), name: 'Drill' });
}

const tamper = (statement: string) =>
  onSite(async ({ database }) => {
    for (const table of ['asset_state_history', 'history_seals']) await makeChangeable(database.schema, table);
    await database.execute(statement);
  });

const audit = (...args: string[]) => assetra(['audit', ...args, '--dir', dir]);
const verify = async (...args: string[]) => {
  const { code, stdout } = await audit('verify', '--json', ...args);
  return [code, JSON.parse(stdout)];
};

it('verify tells a history that is right, with and without checkpoints', async () => {
  const [code, report] = await verify();
  expect([code, report.ok, report.first_bad]).toEqual([0, true, null]);
  expect(report.tenants).toMatchObject([{ slug: 'plant-1', records: 5, checkpoints: 0 }]);
  expect((await audit('verify')).stdout).toContain('no checkpoint yet, so a cut end or a rewrite would not show');
  expect((await audit('checkpoint')).stdout).toBe('plant-1: signed up to record 5\n');
  expect((await audit('checkpoint')).stdout).toBe('Nothing came since the last checkpoint.\n');
  expect((await verify('--tenant', 'Plant 1'))[1].tenants).toMatchObject([{ records: 5, checkpoints: 1 }]);
});

it('verify names the first bad record and its kind, and answers 1', async () => {
  await tamper("UPDATE asset_state_history SET event_type = 'move' WHERE id = 3");
  const [code, report] = await verify();
  expect([code, report.ok, report.first_bad]).toMatchObject([1, false, { id: 3, kind: 'edit', sequence: 3 }]);
  const { stdout } = await audit('verify');
  expect(stdout).toContain('plant-1: Record 3: event_type was changed.');
  expect((await audit('checkpoint')).code).toBe(1);
});

it('verify answers 2 when it cannot read: no site, no such file, no such key, a damaged database', async () => {
  expect((await assetra(['audit', 'verify', '--dir', join(folder, 'nowhere')])).code).toBe(2);
  expect(await audit('verify', '--checkpoint', join(folder, 'none'))).toMatchObject({ code: 2 });
  expect(await audit('verify', '--key', join(folder, 'none'))).toMatchObject({ code: 2 });
  expect(await audit('verify', '--from', '2')).toMatchObject({ code: 2 });
  writeFileSync(join(dir, 'assetra.db'), 'this is no database, however long it may be');
  expect(await audit('verify')).toMatchObject({ code: 2 });
});

it('verify holds the history against a copy of checkpoints and key that lie elsewhere', async () => {
  await audit('checkpoint');
  const copy = (from: string, to: string) => writeFileSync(join(folder, to), readFileSync(join(dir, from)));
  copy('files/audit-checkpoints.jsonl', 'copy.jsonl');
  copy('keys/audit.pub', 'copy.pub');
  await tamper('DELETE FROM history_seals WHERE seq = 5');
  await tamper('DELETE FROM asset_state_history WHERE id = 5');
  await tamper('DELETE FROM change_log');
  await onSite(async ({ database }) => {
    const [{ hash }] = (await database.query('SELECT hash FROM history_seals WHERE seq = 4')) as [{ hash: string }];
    await database.execute('UPDATE change_heads SET seal_seq = 4, seal_hash = ?', [hash]);
  });
  rmSync(join(dir, 'files/audit-checkpoints.jsonl'));
  expect((await verify())[0]).toBe(0);
  const elsewhere = ['--checkpoint', join(folder, 'copy.jsonl'), '--key', join(folder, 'copy.pub')];
  const [code, report] = await verify(...elsewhere);
  expect([code, report.first_bad.kind, report.first_bad.sequence]).toEqual([1, 'truncate', 5]);
});

it('export writes a bundle that its own program checks, and finds what was changed in it', async () => {
  await audit('checkpoint');
  const file = join(folder, 'bundle.tar.gz');
  const { code, stdout } = await audit('export', '--out', file, '--json');
  expect([code, JSON.parse(stdout)]).toMatchObject([
    0,
    { file, records: 5, tenants: [{ slug: 'plant-1', records: 5 }] },
  ]);
  const bundle = join(folder, 'bundle');
  mkdirSync(bundle);
  await tar.extract({ file, cwd: bundle });
  const check = (...args: string[]) =>
    spawned(process.execPath, [join(bundle, 'verify.mjs'), ...args], { cwd: folder });
  expect(await check()).toMatchObject({ code: 0, stdout: 'plant-1: 5 records, as they were written\n' });
  expect(await check('--key', join(dir, 'keys/audit.pub'))).toMatchObject({ code: 0 });

  const path = join(bundle, 'history-plant-1.jsonl');
  const text = readFileSync(path, 'utf8');
  const lines = text.split('\n');
  const after = async (changed: string) => {
    writeFileSync(path, changed);
    return check();
  };
  const changed = await after(text.replace('Drill', 'Saw'));
  expect([changed.code, changed.stdout]).toEqual([1, 'plant-1: record 1 was changed\n']);
  expect((await after([lines[0], ...lines.slice(2)].join('\n'))).stdout).toContain('record 2 of the chain is missing');
  expect((await after([...lines.slice(0, 4), ''].join('\n'))).stdout).toContain('the end is cut off');
  expect((await after(text)).code).toBe(0);
  writeFileSync(join(bundle, 'audit.pub'), readFileSync(join(bundle, 'verify.mjs')));
  expect(await check()).toMatchObject({ code: 2 });
});

it('export says what is wrong with the place it should write to, and leaves nothing', async () => {
  const { code, stderr } = await audit('export', '--out', join(folder, 'nowhere', 'x.tar.gz'));
  expect([code, stderr]).toEqual([1, expect.stringContaining('does not exist. Make it, or name another with --out.')]);
});

it('backup signs the history, and restore holds it against that and says that it set it back', async () => {
  const file = join(folder, 'backup.tar.gz');
  const witness = join(dir, 'files/audit-checkpoints.jsonl');
  expect((await assetra(['backup', file, '--dir', dir])).code).toBe(0);
  await onSite((site) => addAssets(site, 2));
  await audit('checkpoint');
  const before = readFileSync(witness, 'utf8');
  expect(
    before
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).sequence),
  ).toEqual([5, 7]);
  const { code, stdout } = await assetra(['restore', file, '--dir', dir, '--yes']);
  expect([code, stdout]).toEqual([0, expect.stringContaining('Its history is what was written.')]);
  expect(readFileSync(witness, 'utf8').startsWith(before)).toBe(true);
  const [verified, report] = await verify();
  expect([verified, report.tenants[0].sequence]).toEqual([0, 5]);
  expect(report.tenants[0].notes).toEqual([
    expect.stringMatching(/to record 5 of the chain; 2 later ones were given up/),
  ]);
});

it('restore of a history that was changed answers 1 and names the record; backup says so before', async () => {
  const file = join(folder, 'backup.tar.gz');
  await audit('checkpoint');
  await tamper("UPDATE asset_state_history SET event_type = 'move' WHERE id = 3");
  await onSite((site) => addAssets(site, 1));
  const backup = await assetra(['backup', file, '--dir', dir]);
  expect(backup.code).toBe(0);
  const { code, stdout } = await assetra(['restore', file, '--dir', join(folder, 'new'), '--json']);
  expect([code, JSON.parse(stdout).history]).toEqual([1, ['plant-1: Record 3: event_type was changed.']]);
});

it('backup and restore go on without checkpoints that cannot be read, and say so', async () => {
  const file = join(folder, 'backup.tar.gz');
  writeFileSync(join(dir, 'files/audit-checkpoints.jsonl'), 'nonsense\n');
  const backup = await assetra(['backup', file, '--dir', dir]);
  expect([backup.code, backup.stderr]).toEqual([0, expect.stringContaining('not signed in this backup')]);
  const { code, stderr } = await assetra(['restore', file, '--dir', dir, '--yes']);
  expect([code, stderr]).toEqual([0, expect.stringContaining('of another key, or damaged')]);
  expect((await verify())[0]).toBe(0);
});
