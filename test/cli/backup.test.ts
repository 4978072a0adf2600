/** A site is saved and put back while its daemon runs and is written to. */
import { randomUUID } from 'node:crypto';
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
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { DatabaseConfig } from '../../src/base/config.ts';
import { Database } from '../../src/db/database.ts';
import {
  type DatabasePlace,
  emptyDatabase,
  migratedDatabase,
  onEveryDatabase,
  type Server,
} from '../support/databases.ts';
import { until } from '../support/pty.ts';
import { repack } from './backups.ts';
import { type Answer, call, type RunningDaemon, startDaemon } from './callers.ts';
import { assetra, ensureBuilt, type Outcome } from './spawn.ts';

const password = 'a good long pass phrase';
const awkward = 'line\u2028sep \'q\' "d" \\n `b` ;;\nDELIMITER ;\r\n-- 😀 é';
beforeAll(ensureBuilt, 300_000);

// biome-ignore lint/suspicious/noExplicitAny: tests read what they expect.
function documentOf({ code, stdout, stderr }: Outcome): any {
  expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

onEveryDatabase('backup and restore', (dialect) => {
  let folder: string;
  let dir: string;
  let file: string;
  let token: string;
  const databases: DatabasePlace[] = [];
  const daemons: RunningDaemon[] = [];

  /** The flags for another database, and how to open it; `site` is the folder where SQLite's would be. */
  async function another(
    site: string,
    make: (dialect: Server) => Promise<DatabasePlace> = emptyDatabase,
  ): Promise<{ flags: string[]; config: DatabaseConfig }> {
    if (dialect === 'sqlite')
      return { flags: [], config: { dialect, filename: join(site, 'assetra.db'), poolSize: 2 } };
    const made = await make(dialect);
    databases.push(made);
    const { user, password: secret, host, port, name } = made.config;
    const url = `${dialect}://${user}${secret ? `:${secret}` : ''}@${host}:${port}/${name}`;
    return { flags: ['--database', url], config: made.config };
  }
  const run = (...args: string[]) => assetra([...args, '--dir', dir]);
  const addToken = async (name: string) =>
    documentOf(await run('token', 'add', name, '--tenant', '1', '--role', 'operator', '--json')).token as string;
  const serve = async (site = dir) => {
    const daemon = await startDaemon(site);
    daemons.push(daemon);
    return daemon;
  };
  const scan = (daemon: RunningDaemon, as = token, client_event_id: string = randomUUID()) =>
    call(daemon, as, 'POST', 'scan-events/', { client_event_id, raw_value: 'A-1' });
  const read = async <T>(config: DatabaseConfig, sql: string): Promise<T[]> => {
    const database = new Database(config);
    return database.query<T>(sql).finally(() => database.close());
  };

  let own: { flags: string[]; config: DatabaseConfig };
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'assetra-backup-'));
    dir = join(folder, 'site');
    file = join(folder, 'backup.tar.gz');
    own = await another(dir, migratedDatabase);
    const init = ['init', '--yes', '--tenant', 'Plant 1', '--admin', 'alice', '--password-stdin', ...own.flags];
    expect((await assetra([...init, '--dir', dir], { input: password })).code).toBe(0);
    token = await addToken('Kiosk');
  });
  afterEach(async () => {
    for (const daemon of daemons.splice(0)) await daemon.stop();
    for (const { remove } of databases.splice(0)) await remove();
    rmSync(folder, { recursive: true });
  });

  /** Scans without pause until stopped; answers every outcome, in order. */
  function writers(daemon: RunningDaemon, count: number, as = token) {
    const answers: (Answer & { id: string })[] = [];
    const sent: string[] = [];
    let going = true;
    const loops = Array.from({ length: count }, async () => {
      while (going) {
        const id = randomUUID();
        sent.push(id);
        answers.push({ id, ...(await scan(daemon, as, id)) });
      }
    });
    const stop = async () => {
      going = false;
      await Promise.all(loops);
    };
    return { answers, sent, stop };
  }

  it('need a site, which init makes of an empty database', async () => {
    const site = join(folder, 'empty');
    const { flags } = await another(site);
    const init = ['init', '--yes', '--tenant', 'Plant 1', '--admin', 'alice', '--password-stdin', ...flags];
    expect((await assetra([...init, '--dir', site], { input: password })).code).toBe(0);
    expect(documentOf(await assetra(['migrate', 'status', '--json', '--dir', site])).pending).toEqual([]);
  });

  it('among writers holds all that was answered before, in one consistent state, and a daemon starts on it', async () => {
    const daemon = await serve();
    const { answers, sent, stop } = writers(daemon, 6);
    await until(() => answers.length > 60, 'some scans');
    const before = answers.map(({ id }) => id);
    const written = documentOf(await run('backup', file, '--json'));
    const meanwhile = answers.length - before.length;
    await stop();
    expect(written).toMatchObject({ file, bytes: statSync(file).size, dialect });
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    expect(meanwhile).toBeGreaterThan(0);
    expect(answers.filter(({ status }) => status !== 201)).toEqual([]);

    const site = join(folder, 'deep/new');
    const target = await another(site);
    const restored = documentOf(await assetra(['restore', file, '--dir', site, ...target.flags, '--json']));
    expect(restored).toMatchObject({ dir: site, restored_from: file, safety_backup: null, restart_needed: false });
    const stored = (await read<{ id: string }>(target.config, 'SELECT client_event_id AS id FROM scan_events')).map(
      ({ id }) => id,
    );
    expect(before.filter((id) => !stored.includes(id))).toEqual([]);
    expect(stored.filter((id) => !sent.includes(id))).toEqual([]);
    const logged = await read<{ id: number }>(
      target.config,
      "SELECT entity_id AS id FROM change_log WHERE entity = 'scan_event'",
    );
    expect(logged).toHaveLength(stored.length);
    const numbers = (await read<{ seq: number | null }>(target.config, 'SELECT seq FROM change_log ORDER BY id')).map(
      ({ seq }) => seq,
    );
    const [head] = await read<{ seq: number }>(target.config, 'SELECT seq FROM change_heads');
    expect(numbers.filter((seq) => seq !== null)).toHaveLength(head!.seq);
    expect(written.tenants[0].seq).toBeLessThanOrEqual(head!.seq);
    const moved = await serve(site);
    expect((await call(moved, token, 'GET', 'scan-events/')).body.count).toBe(stored.length);
    expect((await scan(moved)).status).toBe(201);
    const alice = await call(moved, '', 'POST', 'auth/token/', { username: 'alice', password });
    expect(alice.status).toBe(200);
  }, 60_000);

  it('brings every row of every table back as it was, with what guards them', async () => {
    const daemon = await serve();
    await call(daemon, token, 'POST', 'assets/', { asset_tag: 'A-1', name: 'Drill', description: awkward });
    for (let index = 0; index < 5; index += 1) await scan(daemon);
    expect((await run('batch', 'create', '--tenant', '1', '--prefix', 'B-', '--from', '1', '--to', '700')).code).toBe(
      0,
    );
    await daemon.stop();
    documentOf(await run('backup', file, '--json'));
    const site = join(folder, 'new');
    const target = await another(site);
    documentOf(await assetra(['restore', file, '--dir', site, ...target.flags, '--json']));
    const [was, is] = [await tablesOf(own.config), await tablesOf(target.config)];
    expect(Object.keys(is).sort()).toEqual(Object.keys(was).sort());
    expect(Object.keys(was).length).toBeGreaterThan(20);
    for (const [name, rows] of Object.entries(was)) expect([name, is[name]]).toEqual([name, rows]);
    expect(is.assets![0]).toContain(JSON.stringify(awkward).slice(1, -1));
    const findings = documentOf(await assetra(['doctor', '--dir', site, '--json']));
    expect(findings.filter(({ result }: { result: string }) => result !== 'ok')).toEqual([]);
    for (const statement of ["UPDATE asset_state_history SET event_type = 'x'", 'DELETE FROM asset_state_history'])
      await expect(write(target.config, statement)).rejects.toThrow(/insert-only/);
    const epochs = 'SELECT epoch FROM change_heads';
    expect(await read(target.config, epochs)).not.toEqual(await read(own.config, epochs));
  }, 60_000);

  it('over a running site leaves the daemon answering, and then with the restored data', async () => {
    const daemon = await serve();
    await scan(daemon);
    // Enough that a restore takes a moment.
    expect((await run('batch', 'create', '--tenant', '1', '--prefix', 'B-', '--from', '1', '--to', '9000')).code).toBe(
      0,
    );
    const admin = (await call(daemon, '', 'POST', 'auth/token/', { username: 'alice', password })).body.access;
    documentOf(await run('backup', file, '--json'));
    const epochs = 'SELECT epoch FROM change_heads';
    const epoch = await read(own.config, epochs);
    const later = await addToken('Later');
    const { answers, stop } = writers(daemon, 4);
    await until(() => answers.length > 40, 'some scans');
    await stop();
    expect((await run('token', 'revoke', 'Kiosk', '--tenant', '1')).code).toBe(0);
    expect([(await scan(daemon)).status, (await scan(daemon, later)).status]).toEqual([401, 201]);
    const version = 'SELECT version FROM auth_version';
    const [live] = await read<{ version: number }>(own.config, version);

    const during = writers(daemon, 4, admin);
    const restored = documentOf(await run('restore', file, '--yes', '--json'));
    const after = during.answers.length;
    await until(() => during.answers.length > after + 20, 'scans after the restore');
    await during.stop();
    // New data, old data or "later", but never a fault.
    expect(during.answers.filter(({ status }) => status !== 201 && status !== 503)).toEqual([]);
    const refused = during.answers.filter(({ status }) => status === 503);
    expect(refused.filter(({ retryAfter }) => !retryAfter)).toEqual([]);
    if (dialect === 'mysql') expect(refused.length).toBeGreaterThan(0);

    expect([(await scan(daemon)).status, (await scan(daemon, later)).status]).toEqual([201, 401]);
    const stored = (await read<{ id: string }>(own.config, 'SELECT client_event_id AS id FROM scan_events')).map(
      ({ id }) => id,
    );
    expect(answers.filter(({ id }) => stored.includes(id))).toEqual([]);
    const lost = during.answers.slice(after + 4).filter(({ id, status }) => status === 201 && !stored.includes(id));
    expect(lost).toEqual([]);
    expect((await call(daemon, admin, 'GET', 'scan-events/')).body.count).toBe(stored.length);
    expect(stored.length).toBeLessThan(2 + during.answers.length);
    expect(await read(own.config, epochs)).not.toEqual(epoch);
    const [now] = await read<{ version: number }>(own.config, version);
    expect(now!.version).toBeGreaterThan(live!.version);

    expect(restored.safety_backup).toMatch(new RegExp(`^${dir}/backups/before-restore-\\d{8}T\\d{9}Z\\.tar\\.gz$`));
    expect((statSync(restored.safety_backup).mode & 0o777).toString(8)).toBe('600');
    documentOf(await run('restore', restored.safety_backup, '--yes', '--json'));
    expect([(await scan(daemon)).status, (await scan(daemon, later)).status]).toEqual([401, 201]);
    expect((await call(daemon, admin, 'GET', 'scan-events/')).body.count).toBeGreaterThan(40);
  }, 60_000);

  it('of an older database is migrated up, and nothing newer stays', async () => {
    expect((await run('migrate', 'down')).code).toBe(0);
    documentOf(await run('backup', file, '--json'));
    expect((await run('migrate')).code).toBe(0);
    await write(own.config, 'CREATE TABLE from_later (id INT PRIMARY KEY, tenant BIGINT)');
    const daemon = await serve();
    await scan(daemon);
    const restored = documentOf(await run('restore', file, '--yes', '--json'));
    expect(restored.migrated).toHaveLength(1);
    expect(Object.keys(await tablesOf(own.config))).not.toContain('from_later');
    expect((await call(daemon, token, 'GET', 'scan-events/')).body.count).toBe(0);
    expect((await scan(daemon)).status).toBe(201);
  }, 60_000);

  it('that fails says what is left, and the safety backup brings it back', async () => {
    const daemon = await serve();
    await scan(daemon);
    documentOf(await run('backup', file, '--json'));
    const broken = join(folder, 'broken.tar.gz');
    await repack(file, broken, (place) => {
      const member = readdirSync(place).find((name) => name.startsWith('database'))!;
      const content = readFileSync(join(place, member));
      const half = content.subarray(0, content.length / 2);
      writeFileSync(
        join(place, member),
        dialect === 'sqlite' ? half : Buffer.concat([half, Buffer.from('\n;\nNO SQL;\n')]),
      );
    });
    const { code, stdout, stderr } = await run('restore', broken, '--yes');
    expect([code, stdout]).toEqual([1, '']);
    const safety = /Safety backup: (\S+)/.exec(stderr)![1]!;
    if (dialect !== 'mysql') {
      expect(stderr).toContain('The database is as it was.');
      expect((await scan(daemon)).status).toBe(201);
      return;
    }
    expect(stderr.trimEnd().split('\n').at(-1)).toContain(safety);
    const refused = await scan(daemon);
    expect([refused.status, refused.retryAfter]).toEqual([503, '5']);
    expect(documentOf(await run('restore', safety, '--yes', '--json')).safety_backup).toBeNull();
    expect((await call(daemon, token, 'GET', 'scan-events/')).body.count).toBe(1);
  }, 60_000);

  it('a table that is missing meanwhile is a 503 with a time to try again', async () => {
    const daemon = await serve();
    await write(own.config, 'ALTER TABLE change_log RENAME TO away');
    const refused = await scan(daemon);
    expect([refused.status, refused.retryAfter, refused.body.detail]).toEqual([
      503,
      '5',
      expect.stringMatching(/restored/),
    ]);
    await write(own.config, 'ALTER TABLE away RENAME TO change_log');
    expect((await scan(daemon)).status).toBe(201);
  });

  it('refuses a database that is in use, a dialect that is another, and a site nobody said yes for', async () => {
    documentOf(await run('backup', file, '--json'));
    const other = dialect === 'sqlite' ? 'postgres://127.0.0.1/none' : 'sqlite:assetra.db';
    const refused = await assetra(['restore', file, '--dir', join(folder, 'new'), '--database', other]);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(`is of a ${dialect} database`)]);
    expect(existsSync(join(folder, 'new'))).toBe(false);
    const unasked = await run('restore', file);
    expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringMatching(/Give --yes\.\n$/)]);
    expect(readdirSync(dir)).not.toContain('backups');
    if (dialect === 'sqlite') return;
    const same = await assetra(['restore', file, '--dir', join(folder, 'new'), '--yes']);
    expect([same.code, same.stderr]).toEqual([2, expect.stringContaining('Say with --database')]);
  });

  it.skipIf(dialect === 'sqlite')('without the tools of the database names them and their package', async () => {
    const env = { PATH: folder };
    const names = dialect === 'postgres' ? ['pg_dump', 'postgresql-client'] : ['mariadb-dump', 'mariadb-client'];
    const { code, stderr } = await assetra(['backup', file, '--dir', dir], { env });
    expect(code).toBe(1);
    for (const name of names) expect(stderr.trimEnd().split('\n').at(-1)).toContain(name);
    expect(readdirSync(folder)).toEqual(['site']);
    documentOf(await run('backup', file, '--json'));
    // Only the tool that dumps is there, so that the safety backup is made and the way back is missing.
    mkdirSync(join(folder, 'bin'));
    const tool = dialect === 'postgres' ? 'pg_dump' : 'mariadb-dump';
    const real = process.env
      .PATH!.split(':')
      .map((place) => join(place, tool))
      .find(existsSync);
    writeFileSync(join(folder, 'bin', tool), `#!/bin/sh\nPATH='${process.env.PATH}' exec ${real} "$@"\n`, {
      mode: 0o755,
    });
    const restore = await assetra(['restore', file, '--dir', dir, '--yes'], { env: { PATH: join(folder, 'bin') } });
    expect([restore.code, restore.stderr]).toEqual([
      1,
      expect.stringMatching(/(psql|mariadb or mysql) is not on the PATH/),
    ]);
    expect(restore.stderr).toContain('The database is as it was.');
    expect(await read(own.config, 'SELECT name FROM api_tokens')).toEqual([{ name: 'Kiosk' }]);
  });
});

async function write(config: DatabaseConfig, statement: string): Promise<void> {
  const database = new Database(config);
  await database.schema.raw(statement).finally(() => database.close());
}

/** Every row of every table, save what a restore renews. */
async function tablesOf(config: DatabaseConfig): Promise<Record<string, unknown[]>> {
  const lists = {
    sqlite: "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')",
    postgres: 'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()',
    mysql: 'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()',
  };
  const database = new Database(config);
  try {
    const tables: Record<string, unknown[]> = {};
    for (const { name } of await database.query<{ name: string }>(lists[config.dialect])) {
      const rows = await database.query(`SELECT * FROM ${name}`);
      const shown = rows.map((row) => ({
        ...row,
        ...(name === 'change_heads' && { epoch: '' }),
        ...(name === 'auth_version' && { version: 0 }),
      }));
      tables[name] = shown.map((row) => JSON.stringify(row)).sort();
    }
    return tables;
  } finally {
    await database.close();
  }
}
