import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Database } from '../../src/db/database.ts';
import { assetra, ensureBuilt, type Outcome } from './spawn.ts';

const password = 'a good long pass phrase';
let folder: string;
let dir: string;
beforeAll(ensureBuilt, 300_000);

const run = (...args: string[]) => assetra([...args, '--dir', dir]);
const runWith = (input: string, ...args: string[]) => assetra([...args, '--dir', dir], { input });
const init = (input = password, ...more: string[]) =>
  runWith(input, 'init', '--yes', '--tenant', 'Plant 1', '--admin', 'alice', '--password-stdin', ...more);
/** What --json printed: one document and nothing else. */
function documentOf({ code, stdout, stderr }: Outcome) {
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  return JSON.parse(stdout);
}
/** A refusal is one line on standard error, in sentences, and no stack. */
function refusalOf({ code, stdout, stderr }: Outcome) {
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^assetra: [^\n]+\.\n$/);
  return [code, stderr.slice('assetra: '.length).trimEnd()];
}

describe('init', () => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'assetra-init-'));
    dir = join(folder, 'deep/site');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('makes a site whose secrets are for its owner alone, and answers one document', async () => {
    expect(documentOf(await init(password, '--json'))).toEqual({ tenant_id: 1, user_id: 1, dir });
    for (const [name, mode] of [
      ['assetra.env', '600'],
      ['keys/jwt.key', '600'],
      ['keys', '700'],
      ['spool', '700'],
      ['files', '700'],
    ] as const)
      expect([name, (statSync(join(dir, name)).mode & 0o777).toString(8)]).toEqual([name, mode]);
    for (const file of ['assetra.env', 'assetra.db']) expect(readFileSync(join(dir, file))).not.toContain(password);
    expect((statSync(dir).mode & 0o007).toString(8)).toBe('0');
  });

  it('tells a person how to start the site and log in', async () => {
    const { code, stdout } = await init();
    expect(code).toBe(0);
    expect(stdout).toContain(`assetra serve --dir ${dir}`);
    expect(stdout).not.toContain(password);
  });

  it('refuses a folder that holds a site, and leaves it as it is', async () => {
    await init();
    const before = readFileSync(join(dir, 'keys/jwt.key'));
    expect(refusalOf(await init('another good pass phrase', '--admin', 'mallory'))).toEqual([
      2,
      expect.stringContaining('holds a site already'),
    ]);
    expect(readFileSync(join(dir, 'keys/jwt.key'))).toEqual(before);
    expect(documentOf(await run('user', 'list', '--json'))).toHaveLength(1);
  });

  it('without a terminal asks nothing, and names the flag for the password', async () => {
    const [code, sentence] = refusalOf(await run('init', '--tenant', 'Plant 1', '--admin', 'alice'));
    expect([code, sentence]).toEqual([2, expect.stringContaining('--password-stdin')]);
    expect(existsSync(dir)).toBe(false);
  });

  it.each([
    ['a short password', 'short', []],
    ['an empty one', '', []],
    ['one of two lines', 'first good line\nsecond good line\n', []],
    ['the name as password', 'alice-alice-alice', ['--admin', 'alice-alice-alice']],
    ['a name that no user may have', password, ['--admin', 'two words']],
    ['a short name that no tenant may have', password, ['--slug', 'Not A Slug']],
    ['a database that is not there', password, ['--database', 'postgres://127.0.0.1:1/none']],
  ])('with %s leaves nothing that is in the way of the next try', async (_, input, more) => {
    const refused = await init(input, ...more);
    expect([1, 2]).toContain(refusalOf(refused)[0]);
    expect(existsSync(join(dir, 'assetra.env'))).toBe(false);
    expect(documentOf(await init(password, '--json'))).toMatchObject({ tenant_id: 1, user_id: 1 });
    expect(
      documentOf(await run('doctor', '--json')).every(({ result }: { result: string }) => result !== 'failed'),
    ).toBe(true);
  });

  it('says when the folder cannot be made', async () => {
    writeFileSync(join(folder, 'file'), '');
    dir = join(folder, 'file/site');
    expect(refusalOf(await init())).toEqual([1, expect.stringContaining(`The folder ${dir} cannot be made`)]);
  });

  it('keeps the settings that it was given, and no others', async () => {
    await init(password, '--port', '8123', '--public-urls', 'https://assets.plant.example');
    const settings = documentOf(await run('config', 'show', '--json'));
    const fromFile = settings.filter(({ source }: { source: string }) => source === 'file');
    expect(
      Object.fromEntries(fromFile.map(({ name, value }: { name: string; value: string }) => [name, value])),
    ).toEqual({
      ASSETRA_PORT: '8123',
      ASSETRA_PUBLIC_URLS: 'https://assets.plant.example',
    });
  });
});

describe('a site', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'assetra-accounts-'));
    dir = join(folder, 'site');
    await init();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('keeps tenants by id, slug and name', async () => {
    expect(documentOf(await run('tenant', 'add', 'Werk Süd', '--json'))).toEqual({
      tenant_id: 2,
      name: 'Werk Süd',
      slug: 'werk-sud',
    });
    expect(documentOf(await run('tenant', 'list', '--json'))).toMatchObject([
      { id: 1, slug: 'plant-1', is_active: true },
      { id: 2, slug: 'werk-sud', is_active: true },
    ]);
    expect(refusalOf(await run('tenant', 'add', 'Werk Süd'))[0]).toBe(1);
    for (const reference of ['2', 'werk-sud', 'Werk Süd'])
      expect(documentOf(await run('user', 'list', '--tenant', reference, '--json'))).toEqual([]);
    expect(refusalOf(await run('user', 'list', '--tenant', 'werk'))).toEqual([1, expect.stringContaining('werk')]);
    expect(documentOf(await run('tenant', 'disable', 'Werk Süd', '--json'))).toEqual({
      tenant_id: 2,
      is_active: false,
    });
    expect((await run('tenant', 'list')).stdout).toMatch(
      /^ID {2}SLUG +NAME +ACTIVE\n +1 {2}plant-1 +Plant 1 +yes\n +2 {2}werk-sud +Werk Süd +no\n$/,
    );
  });

  it('keeps users, their roles and passwords', async () => {
    const added = ['user', 'add', 'bob', '--tenant', 'plant-1', '--role', 'operator', '--password-stdin', '--json'];
    expect(documentOf(await runWith(password, ...added))).toEqual({
      user_id: 2,
      username: 'bob',
      tenant_id: 1,
      role: 'operator',
      is_superuser: false,
    });
    expect(documentOf(await run('user', 'role', 'bob', '--tenant', '1', '--role', 'auditor', '--json'))).toMatchObject({
      role: 'auditor',
    });
    expect((await run('user', 'list')).stdout).toMatch(/^ +2 {2}bob +plant-1: auditor +yes +–$/m);
    const passwd = ['user', 'passwd', 'bob', '--password-stdin'];
    expect(documentOf(await runWith('quite another pass phrase\n', ...passwd, '--json'))).toEqual({ user_id: 2 });
    expect(refusalOf(await runWith('short', ...passwd))[0]).toBe(1);
    expect(documentOf(await run('user', 'disable', 'bob', '--json'))).toEqual({ user_id: 2, is_active: false });
    expect((await run('user', 'list', '--tenant', '1')).stdout).toMatch(/bob .* no +–$/m);
  });

  it.each([
    [['user', 'add', 'carol'], 2, '--tenant and --role'],
    [['user', 'add', 'carol', '--tenant', '1', '--role', 'operator'], 2, '--password-stdin'],
    [['user', 'add', 'carol', '--tenant', '1', '--role', 'boss', '--password-stdin'], 2, 'admin, operator'],
    [['user', 'passwd', 'nobody', '--password-stdin'], 1, 'There is no user "nobody"'],
    [['user', 'role', 'alice', '--tenant', 'nowhere', '--role', 'admin'], 1, 'nowhere'],
    [['token', 'revoke', 'nothing'], 1, 'nothing'],
    [['tenant', 'disable', 'nowhere'], 1, 'nowhere'],
    [['migrate', 'sideways'], 2, 'status'],
  ])('%j is refused in a sentence', async (args, code, part) => {
    expect(refusalOf(await runWith(password, ...args))).toEqual([code, expect.stringContaining(part)]);
  });

  it('shows the secret of a token once', async () => {
    const add = ['token', 'add', 'Dock 3', '--tenant', '1', '--role', 'operator'];
    const { token, ...made } = documentOf(await run(...add, '--json'));
    expect([token, made]).toEqual([
      expect.stringMatching(/^ast_[\w-]{30,}$/),
      { token_id: 1, tenant_id: 1, name: 'Dock 3', role: 'operator' },
    ]);
    const listed = await run('token', 'list', '--json');
    expect(documentOf(listed)).toMatchObject([{ id: 1, name: 'Dock 3', role: 'operator', revoked_at: null }]);
    expect(listed.stdout).not.toContain(token);
    expect(documentOf(await run('token', 'revoke', 'Dock 3', '--json'))).toEqual({
      token_id: 1,
      revoked_at: expect.stringMatching(/Z$/),
    });
    expect((await run('token', 'list', '--tenant', 'plant-1')).stdout).toMatch(
      /^ +1 .*Dock 3 +operator +ast_\S+… +– +\d{4}-/m,
    );
    for (const file of ['assetra.db', 'assetra.db-wal'].map((name) => join(dir, name)))
      if (existsSync(file)) expect(readFileSync(file)).not.toContain(token);
  });

  it('migrates down and up again, and says where it stands', async () => {
    const names: string[] = documentOf(await run('migrate', 'status', '--json')).done;
    expect(names.length).toBeGreaterThan(0);
    expect((await run('migrate')).stdout).toBe('Nothing to do.\n');
    const { down } = documentOf(await run('migrate', 'down', '--json'));
    expect(down).toEqual([names.at(-1)]);
    expect((await run('migrate', 'status')).stdout).toContain(`pending  ${names.at(-1)}\n`);
    expect(refusalOf(await run('tenant', 'list'))).toEqual([2, expect.stringContaining('assetra migrate')]);
    expect(documentOf(await run('migrate', 'up', '--json'))).toEqual({ up: [names.at(-1)] });
    expect(documentOf(await run('migrate', 'status', '--json'))).toEqual({ done: names, pending: [] });
  });
});

describe('a folder', () => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'assetra-folder-'));
    dir = join(folder, 'site');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it.each([
    ['tenant', 'list'],
    ['serve', '--port', '0'],
    ['migrate', 'status'],
    ['batch', 'list', '--tenant', '1'],
    ['devices', 'watch', '1'],
  ])('without a site is no site for %s %s', async (...args) => {
    expect(refusalOf(await run(...args))).toEqual([
      2,
      expect.stringContaining(`There is no site in ${dir}. Run \`assetra init\``),
    ]);
    expect(existsSync(dir)).toBe(false);
  });

  it('whose database is gone is told by the doctor, a line for each check', async () => {
    await init();
    const well = await run('doctor');
    expect([well.code, well.stdout.split('\n')[0]]).toEqual([0, expect.stringMatching(/^CHECK +RESULT +WHAT$/)]);
    for (const check of [
      'settings',
      'folder',
      'secrets',
      'disk',
      'clock',
      'spool',
      'database',
      'migrations',
      'writing',
      'history',
      'devices',
    ])
      expect(well.stdout).toMatch(new RegExp(`^${check} +(ok|warning) +\\S`, 'm'));
    rmSync(join(dir, 'assetra.db'));
    const ill = await run('doctor', '--json');
    expect([ill.code, ill.stderr]).toEqual([1, '']);
    const failed = JSON.parse(ill.stdout).filter(({ result }: { result: string }) => result === 'failed');
    expect(failed).toEqual([
      { check: 'database', result: 'failed', message: expect.stringContaining('There is no site') },
    ]);
  });

  it('that takes no change, or has put scans aside, is told by the doctor', async () => {
    await init();
    writeFileSync(join(dir, 'spool/device-1.jsonl.quarantine'), '{}\n');
    const database = new Database({ dialect: 'sqlite', filename: join(dir, 'assetra.db'), poolSize: 1 });
    await database.execute(
      "CREATE TRIGGER closed BEFORE UPDATE ON auth_version BEGIN SELECT RAISE(ABORT, 'closed for the night'); END",
    );
    await database.close();
    const { code, stdout } = await run('doctor', '--json');
    const told = JSON.parse(stdout).filter(({ result }: { result: string }) => result !== 'ok');
    expect([code, told]).toEqual([
      1,
      [
        { check: 'spool', result: 'warning', message: expect.stringContaining('device-1.jsonl.quarantine') },
        { check: 'writing', result: 'failed', message: expect.stringContaining('closed for the night') },
      ],
    ]);
  });

  it('with wrong settings is told by the doctor too', async () => {
    await init();
    writeFileSync(join(dir, 'assetra.env'), 'ASSETRA_PORT=http\n');
    const { code, stdout } = await run('doctor');
    expect([code, stdout]).toEqual([1, expect.stringMatching(/^settings +failed +.*ASSETRA_PORT/m)]);
  });

  it('whose database is no database is said in a sentence', async () => {
    await init();
    writeFileSync(join(dir, 'assetra.db'), 'nothing that SQLite knows'.repeat(400));
    for (const name of ['assetra.db-wal', 'assetra.db-shm']) rmSync(join(dir, name), { force: true });
    expect(refusalOf(await run('tenant', 'list'))).toEqual([1, expect.stringContaining('not an SQLite database')]);
    expect((await run('doctor')).code).toBe(1);
  });

  it('is not needed for the API document, which says where it cannot be written', async () => {
    const file = join(folder, 'openapi.json');
    expect(documentOf(await run('openapi', '--file', file, '--json'))).toEqual({ file });
    expect(JSON.parse(readFileSync(file, 'utf8')).openapi).toBe('3.1.0');
    const printed = await run('openapi');
    expect([printed.code, printed.stdout]).toEqual([0, readFileSync(file, 'utf8')]);
    for (const bad of [join(folder, 'no/such/openapi.json'), join(file, 'openapi.json'), folder])
      expect(refusalOf(await run('openapi', '--file', bad))).toEqual([1, expect.stringContaining('--file')]);
  });

  it('shows no secret among its settings', async () => {
    await init();
    writeFileSync(
      join(dir, 'assetra.env'),
      'ASSETRA_JWT_SECRET=0123456789abcdef0123456789abcdef\nDATABASE_URL=mysql://ann:hunt%40er2@db/plant\nSENTRY_DSN=https://k3y@sentry.example/1\n',
    );
    for (const more of [[], ['--json']]) {
      const { code, stdout } = await run('config', 'show', ...more);
      expect(code).toBe(0);
      expect(stdout).not.toMatch(/0123456789abcdef|hunt|k3y/);
      expect(stdout).toContain('mysql://ann:********@db/plant');
    }
  });
});
