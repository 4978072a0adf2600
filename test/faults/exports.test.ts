/** Whoever writes an export is killed with -9 in the middle, on each database: the file is whole in the end, and no piece is left. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { type DatabaseConfig, loadConfig } from '../../src/base/config.ts';
import { Database, type Row } from '../../src/db/database.ts';
import { ensureBuilt } from '../cli/spawn.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { Daemon } from '../support/faults/daemon.ts';
import { ownDatabase } from '../support/faults/own-database.ts';
import { type Client, logIn, makeSite } from '../support/faults/site.ts';
import { until } from '../support/pty.ts';

const rows = 40_000;
const kills = 3;

beforeAll(() => ensureBuilt(), 300_000);

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

onEveryDatabase('an export whose runner is killed', (dialect) => {
  async function stage(flags: string[]) {
    const own = dialect === 'sqlite' ? undefined : await ownDatabase(dialect);
    ending.push(() => own?.drop());
    const site = await makeSite({ database: own?.url() });
    ending.push(() => site.remove());
    await fill(loadConfig({ dir: site.dir }, {}).database);
    const daemon = new Daemon(site.dir, { flags });
    ending.push(() => daemon.kill());
    await daemon.start();
    const folder = join(site.dir, 'files', 'exports');
    const files = () => (existsSync(folder) ? readdirSync(folder).filter((name) => name !== '.folder') : []);
    return { site, daemon, files, admin: await logIn(daemon.address) };
  }

  async function expectWhole(admin: Client, id: number, files: () => string[], address: string) {
    const status = async () => (await admin.get(`exports/${id}/`)).body;
    await until(async () => (await status()).status === 'done', 'the export to be done', 120_000);
    const done = await status();
    expect([done.rows, files()]).toEqual([rows, [expect.stringMatching(new RegExp(`^${id}-.*\\.jsonl$`))]]);
    const answer = await fetch(address + done.url, { headers: admin.headers });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const tags = bytes
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).asset_tag);
    expect([bytes.length, tags.length, new Set(tags).size]).toEqual([done.size, rows, rows]);
    const again = Buffer.from(await (await fetch(address + done.url, { headers: admin.headers })).arrayBuffer());
    expect(createHash('sha256').update(again).digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
  }

  const ask = async (admin: Client): Promise<number> => {
    const { status, body } = await admin.post('exports/', { resource: 'assets', format: 'jsonl' });
    expect(status).toBe(202);
    return body.id;
  };

  it(`${kills} times is done in the end, by the same daemon`, async () => {
    const { daemon, files, admin } = await stage([]);
    const id = await ask(admin);
    for (let round = 0; round < kills; round += 1) {
      const seen = files();
      await until(() => files().some((name) => name.endsWith('.part') && !seen.includes(name)), 'a piece', 60_000);
      await daemon.restart('SIGKILL');
    }
    await expectWhole(admin, id, files, daemon.address);
  }, 240_000);

  it('is done by another process of the site, while the daemon only serves', async () => {
    const { site, daemon, files, admin } = await stage(['--no-jobs']);
    const first = new Daemon(site.dir, { command: 'work' });
    ending.push(() => first.kill());
    await first.start();
    const id = await ask(admin);
    await until(() => files().some((name) => name.endsWith('.part')), 'a piece', 60_000);
    await first.kill();
    expect((await admin.get(`exports/${id}/`)).body.status).toBe('running');
    const second = new Daemon(site.dir, { command: 'work' });
    ending.push(() => second.kill());
    await second.start();
    await expectWhole(admin, id, files, daemon.address);
    expect(await second.stop()).toBe(0);
  }, 240_000);
});

async function fill(config: DatabaseConfig): Promise<void> {
  const database = new Database(config);
  const now = new Date().toISOString();
  const shared = {
    tenant_id: 1,
    description: 'x'.repeat(200),
    status: 'active',
    barcode_type: 'qr',
    barcode_value: '',
  };
  const json = { custom_fields: '{}', metadata: '{}', created_at: now, updated_at: now };
  const many = Array.from({ length: rows }, (_, index) => ({
    ...shared,
    ...json,
    asset_tag: `M-${index}`,
    name: 'Pump',
  }));
  await database.insertMany('assets', many);
  const [tenant] = await database.query<Row>('SELECT id FROM tenants ORDER BY id LIMIT 1');
  expect(Number(tenant!.id)).toBe(1);
  await database.close();
}
