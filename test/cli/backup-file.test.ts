/** The file of a backup: what is in it, how it appears, and what is not taken for one. SQLite, as it does not matter here. */
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/pty.ts';
import { repack } from './backups.ts';
import { assetra, ensureBuilt, type Outcome, program } from './spawn.ts';

const password = 'a good long pass phrase';
let folder: string;
let dir: string;
let file: string;
const run = (...args: string[]) => assetra([...args, '--dir', dir]);
const lastLine = ({ code, stdout, stderr }: Outcome) => {
  expect(stdout).toBe('');
  return [code, stderr.trimEnd().split('\n').at(-1)];
};

async function makeSite(): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), 'assetra-file-'));
  dir = join(folder, 'site');
  file = join(folder, 'backup.tar.gz');
  const init = ['init', '--yes', '--tenant', 'Plant 1', '--admin', 'alice', '--password-stdin', '--port', '8123'];
  expect((await assetra([...init, '--dir', dir], { input: password })).code).toBe(0);
  mkdirSync(join(dir, 'files/logos'));
  mkdirSync(join(dir, 'files/exports'));
  mkdirSync(join(dir, 'backups'));
  for (const name of ['files/logos/plant.png', 'files/exports/1-run.csv', 'spool/1.scan', 'backups/old.tar.gz'])
    writeFileSync(join(dir, name), `then: ${name}`);
}
beforeAll(ensureBuilt, 300_000);

describe('a backup', () => {
  beforeEach(makeSite);
  afterEach(() => rmSync(folder, { recursive: true }));

  it('holds database, settings, keys and files with their hashes, and neither spool nor other backups', async () => {
    expect((await run('backup', file)).code).toBe(0);
    const names = execFileSync('tar', ['tzf', file], { encoding: 'utf8' }).trim().split('\n');
    const keys = ['keys/audit.key', 'keys/audit.pub', 'keys/jwt.key'];
    expect(names).toEqual(['manifest.json', 'database.sqlite', 'assetra.env', ...keys, 'files/logos/plant.png']);
    const member = (name: string) => execFileSync('tar', ['xzOf', file, name]);
    const manifest = JSON.parse(member('manifest.json').toString());
    expect(manifest).toMatchObject({
      format: 1,
      assetra: '0.1.0',
      dialect: 'sqlite',
      tenants: [{ tenant: 1, seq: 1 }],
    });
    expect(Date.now() - Date.parse(manifest.created_at)).toBeLessThan(60_000);
    expect(manifest.migrations.slice(0, 6).at(-1)).toBe('0006_change_log');
    expect(manifest.members.map(({ path }: { path: string }) => path)).toEqual(names.slice(1));
    for (const { path, size, sha256 } of manifest.members)
      expect([path, size, sha256]).toEqual([
        path,
        member(path).length,
        createHash('sha256').update(member(path)).digest('hex'),
      ]);
    expect(readdirSync(folder).sort()).toEqual(['backup.tar.gz', 'site']);
  });

  it('replaces the one of before, and is for its owner alone whatever that was', async () => {
    writeFileSync(file, 'before', { mode: 0o644 });
    expect((await run('backup', file)).code).toBe(0);
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    expect(readFileSync(file).subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]));
  });

  it('in a place that cannot be is one sentence, and leaves nothing', async () => {
    writeFileSync(join(folder, 'plain'), '');
    const places: [string, string][] = [
      [join(folder, 'none/backup.tar.gz'), 'does not exist'],
      [join(folder, 'plain/backup.tar.gz'), 'no folder'],
      [folder, 'is a folder'],
      ['/dev/null', 'no plain file'],
      [join(dir, 'files/backup.tar.gz'), 'part of the site'],
    ];
    for (const [place, part] of places) {
      const [code, sentence] = lastLine(await run('backup', place));
      expect([place, [1, 2].includes(code as number), sentence]).toEqual([place, true, expect.stringContaining(part)]);
    }
    expect(readdirSync(folder).sort()).toEqual(['plain', 'site']);
    expect(readdirSync(join(dir, 'files')).sort()).toEqual(['exports', 'logos']);
  });

  it('on a full disk is one sentence, and the one of before is still there', async ({ skip }) => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', disk], { stdio: 'ignore' });
    } catch {
      skip('needs the right to mount');
    }
    try {
      const small = join(disk, 'backup.tar.gz');
      expect((await run('backup', small)).code).toBe(0);
      const before = readFileSync(small);
      writeFileSync(join(dir, 'files/photo'), randomBytes(3_000_000));
      expect(lastLine(await run('backup', small))).toEqual([1, expect.stringContaining('The disk is full')]);
      expect(readdirSync(disk)).toEqual(['backup.tar.gz']);
      expect(readFileSync(small).equals(before)).toBe(true);
      execFileSync('mount', ['-o', 'remount,ro', disk]);
      expect(lastLine(await run('backup', small))).toEqual([1, expect.stringContaining('read-only')]);
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  it('that is stopped leaves nothing', async () => {
    writeFileSync(join(dir, 'files/photo'), randomBytes(80_000_000));
    const child = spawn(process.execPath, [program, 'backup', file, '--dir', dir], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
    const code = new Promise((resolve) => child.once('close', resolve));
    await until(() => said.includes('Packed'), 'the packing', 30_000);
    child.kill('SIGTERM');
    expect([await code, said]).toEqual([1, expect.stringContaining('was stopped')]);
    expect(readdirSync(folder)).toEqual(['site']);
  });

  it('of a site that is not there is refused', async () => {
    const none = join(folder, 'none');
    expect(lastLine(await assetra(['backup', file, '--dir', none]))).toEqual([2, expect.stringContaining('no site')]);
    expect(existsSync(file) || existsSync(none)).toBe(false);
  });
});

describe('a restore', () => {
  beforeAll(async () => {
    await makeSite();
    expect((await run('backup', file)).code).toBe(0);
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const manifestOf = (place: string) => JSON.parse(readFileSync(join(place, 'manifest.json'), 'utf8'));
  const edit = (change: (manifest: ReturnType<typeof manifestOf>) => void) => (place: string) => {
    const manifest = manifestOf(place);
    change(manifest);
    writeFileSync(join(place, 'manifest.json'), JSON.stringify(manifest));
  };
  const cut = (share: number) => (from: Buffer) => from.subarray(0, Math.floor(from.length * share));
  const flip = (from: Buffer) => {
    const bytes = Buffer.from(from);
    bytes[Math.floor(bytes.length / 2)]! ^= 0x40;
    return bytes;
  };

  it.each<[string, (from: Buffer) => Buffer]>([
    ['cut in the middle', cut(0.5)],
    ['cut at its end', (from) => from.subarray(0, from.length - 4)],
    ['with a bit that flipped', flip],
    ['of nothing', cut(0)],
    ['of something else', () => Buffer.from('no archive at all\n'.repeat(100))],
  ])('of a file %s is refused before anything is touched', async (_, change) => {
    const bad = join(folder, 'bad.tar.gz');
    writeFileSync(bad, change(readFileSync(file)));
    await refusesAll(bad, 1, 'is damaged');
  });

  it.each<[string, (place: string) => void, number, string]>([
    [
      'a member that is not as it was written',
      (place) => writeFileSync(join(place, 'assetra.env'), '#'),
      1,
      'assetra.env is not as',
    ],
    ['a member that is missing', (place) => rmSync(join(place, 'keys/jwt.key')), 1, 'keys/jwt.key is missing'],
    ['a member that nobody listed', (place) => writeFileSync(join(place, 'more'), ''), 1, 'more does not belong'],
    ['no manifest', (place) => rmSync(join(place, 'manifest.json')), 1, 'no readable manifest.json'],
    ['half a manifest', edit((manifest) => delete manifest.tenants), 1, 'wrong at tenants'],
    ['a newer format', edit((manifest) => Object.assign(manifest, { format: 2 })), 2, 'has format 2'],
    ['a newer database', edit((manifest) => manifest.migrations.push('0999_moon')), 2, '0999_moon'],
  ])('of a backup with %s is refused before anything is touched', async (_, change, code, part) => {
    const bad = join(folder, 'bad.tar.gz');
    await repack(file, bad, change, false);
    await refusesAll(bad, code, part);
  });

  async function refusesAll(bad: string, code: number, part: string): Promise<void> {
    const before = readFileSync(join(dir, 'assetra.db'));
    const fresh = join(folder, 'deep/fresh');
    expect(lastLine(await assetra(['restore', bad, '--dir', fresh]))).toEqual([code, expect.stringContaining(part)]);
    expect(existsSync(join(folder, 'deep'))).toBe(false);
    expect(lastLine(await run('restore', bad, '--yes'))).toEqual([code, expect.stringContaining(part)]);
    expect(readdirSync(dir).sort()).toEqual(['assetra.db', 'assetra.env', 'backups', 'files', 'keys', 'spool']);
    expect(readdirSync(join(dir, 'backups'))).toEqual(['old.tar.gz']);
    expect(readFileSync(join(dir, 'assetra.db')).equals(before)).toBe(true);
    rmSync(bad);
  }

  it('of a file that is not there is refused', async () => {
    expect(lastLine(await run('restore', join(folder, 'none.tar.gz')))).toEqual([
      2,
      expect.stringContaining('no file'),
    ]);
  });

  it('into a new folder brings settings, keys and files, for their owner alone', async () => {
    const site = join(folder, 'new');
    const { code, stdout } = await assetra(['restore', file, '--dir', site, '--database', 'sqlite:other.db']);
    expect([code, stdout]).toEqual([0, expect.stringContaining(`Restored ${site}`)]);
    for (const name of ['keys/jwt.key', 'keys/audit.key', 'files/logos/plant.png']) {
      expect(readFileSync(join(site, name)).equals(readFileSync(join(dir, name)))).toBe(true);
      expect([name, (statSync(join(site, name)).mode & 0o777).toString(8)]).toEqual([name, '600']);
    }
    const settings = readFileSync(join(site, 'assetra.env'), 'utf8');
    expect(settings).toBe(`${readFileSync(join(dir, 'assetra.env'), 'utf8')}DATABASE_URL=sqlite:other.db\n`);
    const names = readdirSync(site).filter((name) => !/-(wal|shm)$/.test(name));
    expect(names.sort()).toEqual(['assetra.env', 'files', 'keys', 'other.db', 'spool']);
    const findings = JSON.parse((await assetra(['doctor', '--dir', site, '--json'])).stdout);
    expect(findings.filter(({ result }: { result: string }) => result !== 'ok')).toEqual([]);
  });

  it('over a site keeps its settings, and says when keys are others', async () => {
    writeFileSync(join(dir, 'files/logos/plant.png'), 'now');
    writeFileSync(join(dir, 'keys/jwt.key'), 'another key, and long enough to be one');
    writeFileSync(join(dir, 'assetra.env'), 'ASSETRA_PORT=8200\n', { mode: 0o600 });
    const first = JSON.parse((await run('restore', file, '--yes', '--json')).stdout);
    expect(first.restart_needed).toBe(true);
    expect(readFileSync(join(dir, 'files/logos/plant.png'), 'utf8')).toContain('then');
    expect(readFileSync(join(dir, 'assetra.env'), 'utf8')).toBe('ASSETRA_PORT=8200\n');
    const again = await run('restore', file, '--yes');
    expect([again.code, again.stdout]).toEqual([0, expect.not.stringContaining('restart')]);
    const saved = execFileSync('tar', ['xzOf', first.safety_backup, 'keys/jwt.key'], { encoding: 'utf8' });
    expect(saved).toBe('another key, and long enough to be one');
  });

  it('over a database that is none any more says so, keeps it aside and goes on', async () => {
    writeFileSync(join(dir, 'assetra.db'), 'no database any more '.repeat(500));
    const unasked = await run('restore', file);
    expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining('No safety backup')]);
    const { code, stdout } = await run('restore', file, '--yes', '--json');
    expect([code, JSON.parse(stdout).safety_backup]).toEqual([0, null]);
    const aside = readdirSync(dir).filter((name) => /^assetra\.db\.damaged-[^-]+$/.test(name));
    expect(aside).toHaveLength(1);
    expect(JSON.parse((await run('user', 'list', '--json')).stdout)).toMatchObject([{ username: 'alice' }]);
  });
});
