/** Apps that push and pull, beside the limit: the same rows in as many transactions, without rules and HTTP. Exits 1 when an answer is wrong. */
import { join } from 'node:path';
import { Pool } from 'undici';
import { newUuid } from '../../src/base/ids.ts';
import { packageRoot } from '../../src/base/paths.ts';
import { Database } from '../../src/db/database.ts';
import { listOf } from '../../src/db/lists.ts';
import { readOptions } from './options.ts';
import { machine, median } from './report.ts';
import { startServer } from './servers.ts';
import { barcodeOf, createSite, type Found, findDatabases, logIn, type Site } from './sites.ts';

const options = readOptions(process.argv.slice(2));
const connections = 16;
const changes = 500;

interface App {
  pool: Pool;
  headers: Record<string, string>;
  /** Where each of the connections stands. */
  cursors: string[];
}

console.log(`${machine()}; ${connections} connections; ${options.rounds} rounds of ${options.seconds} s`);
for (const found of (await findDatabases()).filter(wanted)) await measure(found);

function wanted({ found, dialect }: Found): boolean {
  return found && (!options.dialects || options.dialects.includes(dialect));
}

async function measure(found: Found): Promise<void> {
  const site = await createSite(found, options.assets);
  const database = new Database({ ...site.database, poolSize: 10 });
  const serve = [join(packageRoot, 'bin/assetra'), 'serve', '--dir', site.dir, '--port', '0', '--no-devices'];
  const server = await startServer(serve, join(site.dir, 'daemon.log'));
  const pool = new Pool(server.address, { connections, pipelining: 1 });
  try {
    const headers = { ...(await logIn(server.address, site.tenantId)), 'content-type': 'application/json' };
    const app: App = { pool, headers, cursors: [] };
    const start = await headOf(app);
    app.cursors = Array.from({ length: connections }, () => start);
    for (const events of [100, 500])
      await compare(
        found,
        `push of ${events}`,
        (slot) => push(app, slot, events),
        () => bareScans(database, site, events),
      );
    await report(found, app, database, site);
  } finally {
    await pool.close();
    await server.stop();
    await database.close();
    await site.remove();
  }
}

async function report(found: Found, app: App, database: Database, site: Site): Promise<void> {
  const before = app.cursors[0]!;
  const { next_cursor: cursor } = await call(app, { cursor: before, limit: 2_000 });
  const ids = await touch(app);
  await compare(
    found,
    `pull of ${changes}`,
    () => pull(app, cursor),
    () => bareRows(database, site, ids),
  );
}

/** Turn by turn, so that a slower moment of the machine meets both. */
async function compare(found: Found, title: string, ours: Work, bare: Work): Promise<void> {
  const [own, limits]: number[][] = [[], []];
  await rate(ours, 0.5);
  await rate(bare, 0.5);
  for (let round = 0; round < options.rounds; round += 1) {
    own!.push(await rate(ours, options.seconds));
    limits!.push(await rate(bare, options.seconds));
  }
  const ratio = median(own!.map((one, round) => one / limits![round]!));
  const figures = [median(own!), median(limits!)].map((one) => `${one.toFixed(0)}/s`);
  console.log(
    `${found.title.padEnd(12)} ${title.padEnd(12)} ${figures[0]}; limit ${figures[1]}; ${(ratio * 100).toFixed(0)} %`,
  );
}

/** One call of a connection; answers how many items it was of. */
type Work = (slot: number) => Promise<number>;

async function rate(work: Work, seconds: number): Promise<number> {
  let items = 0;
  const started = performance.now();
  const until = started + seconds * 1_000;
  const run = async (slot: number) => {
    while (performance.now() < until) {
      // Not `items += await …`, which would read the sum before the others have added theirs.
      const done = await work(slot);
      items += done;
    }
  };
  await Promise.all(Array.from({ length: connections }, (_, slot) => run(slot)));
  return (items / (performance.now() - started)) * 1_000;
}

async function push(app: App, slot: number, count: number): Promise<number> {
  const scan_events = Array.from({ length: count }, () => ({
    client_event_id: newUuid(),
    raw_value: barcodeOf(Math.floor(Math.random() * options.assets)),
    symbology: 'qr',
    source_type: 'camera',
    captured_at: '2026-11-01T10:00:00.000Z',
  }));
  const answer = await call(app, { cursor: app.cursors[slot]!, device_identifier: `phone-${slot}`, scan_events });
  if (answer.accepted_scan_event_ids.length !== count) throw new Error(JSON.stringify(answer).slice(0, 500));
  app.cursors[slot] = answer.next_cursor;
  return count;
}

async function pull(app: App, cursor: string): Promise<number> {
  const { asset_changes } = await call(app, { cursor, limit: changes });
  if (asset_changes.length !== changes) throw new Error(`${asset_changes.length} rows were pulled`);
  return changes;
}

async function headOf(app: App): Promise<string> {
  let answer = await call(app, { cursor: '', limit: 2_000 });
  while (answer.has_more) answer = await call(app, { cursor: answer.next_cursor, limit: 2_000 });
  return answer.next_cursor;
}

/** Changes that many assets and answers their ids. */
async function touch(app: App): Promise<number[]> {
  const { asset_changes } = await call(app, { cursor: '', limit: changes });
  const ids = asset_changes.map(({ id }: { id: number }) => id);
  const items = ids.map((id: number) => ({ id, description: newUuid() }));
  await call(app, { items }, 'assets/bulk/');
  return ids;
}

// biome-ignore lint/suspicious/noExplicitAny: what the daemon answers.
async function call(app: App, body: object, path = 'sync/'): Promise<any> {
  const request = { method: 'POST', path: `/api/v1/${path}`, headers: app.headers, body: JSON.stringify(body) };
  const answer = await app.pool.request(request as never);
  const text = await answer.body.text();
  if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${text.slice(0, 500)}`);
  return JSON.parse(text);
}

/** A chunk's scans, records and log entries, as rows that were ready before. */
async function bareScans(database: Database, site: Site, count: number): Promise<number> {
  const at = '2026-11-25T10:00:00.000Z';
  const stamps = { tenant_id: site.tenantId, created_at: at };
  const payload = JSON.stringify({ symbology: 'qr', raw: 'B1000003', decoded_at: at, value: 'B1000003' });
  for (let from = 0; from < count; from += 100) {
    const scans = Array.from({ length: 100 }, () => ({
      ...{ ...stamps, updated_at: at, client_event_id: newUuid(), scanner_label: 'bench', symbology: 'qr' },
      ...{ raw_value: 'B1000003', decoded_payload: payload, source_type: 'camera', status: 'validated' },
      ...{ validation_errors: '[]', synced_at: at, offline_captured_at: at },
    }));
    const body = `{"actor":1,"asset":1,"state":${payload},"filler":"${'x'.repeat(150)}"}`;
    const record = { ...stamps, updated_at: at, asset_id: 1, event_type: 'scan', actor_label: 'bench', body };
    const records = scans.map(() => ({
      ...record,
      previous_state: '{}',
      new_state: payload,
      checksum: 'f'.repeat(64),
    }));
    const entry = { ...stamps, entity: 'bench', entity_id: 1, op: 'create', fields: '[]', actor_label: 'bench' };
    await database.transaction(async (tx) => {
      await tx.insertAll('scan_events', scans);
      await tx.insertAll('asset_state_history', records);
      await tx.insertMany(
        'change_log',
        [...scans, ...scans].map(() => entry),
      );
    });
  }
  return count;
}

async function bareRows(database: Database, site: Site, ids: number[]): Promise<number> {
  const { marks, params } = listOf(ids);
  const rows = await database.query(`SELECT * FROM assets WHERE tenant_id = ? AND id IN ${marks}`, [
    site.tenantId,
    ...params,
  ]);
  if (JSON.stringify(rows).length < changes) throw new Error('no rows');
  return rows.length;
}
