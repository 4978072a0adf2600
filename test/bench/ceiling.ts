/**
 * The limit a figure is held against: bare node:http, the same statements, the same answer, and nothing else: no caller,
 * no rules, no checks, no log. A process of its own; standard output tells its address.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resource as assets } from '../../src/domain/assets/service.ts';
import { type BareDriver, openDriver, type Row, type Send } from './bare-drivers.ts';
import {
  type AssetBody,
  assetAnswer,
  assetRow,
  changeRow,
  historyRow,
  type ScanBody,
  scanAnswer,
  scanRow,
  sealRow,
} from './bare-rows.ts';
import type { Site } from './sites.ts';

type Work = (request: IncomingMessage) => Promise<[status: number, answer: object]>;

const { database, tenantId, userId } = JSON.parse(process.argv[2]!) as Site;
const driver = await openDriver(database);

const selection = assets.columns.map(({ column }) => `a.${column}`).join(', ');
const byCode =
  `SELECT ${selection} FROM (SELECT asset_id AS id, 1 AS preference FROM asset_codes ` +
  "WHERE tenant_id = ? AND code = ? AND status = 'active' UNION ALL " +
  'SELECT id, 2 FROM assets WHERE tenant_id = ? AND asset_tag = ? UNION ALL ' +
  'SELECT id, 3 FROM assets WHERE tenant_id = ? AND barcode_value = ? ' +
  'ORDER BY preference, id LIMIT 1) f JOIN assets a ON a.id = f.id';
const page = `SELECT ${assets.selection} FROM assets WHERE tenant_id = ? ORDER BY created_at DESC, id DESC LIMIT 51`;
const total = 'SELECT COUNT(*) AS count FROM assets WHERE tenant_id = ?';

const works: Record<string, Work> = {
  'GET /': async () => [200, { hello: 'world' }],
  'GET /api/v1/lookups/assets/': async ({ url }) => {
    const barcode = decodeURIComponent(url!.slice(url!.indexOf('=') + 1));
    return [200, assetAnswer((await find(driver.read, barcode))!)];
  },
  'GET /api/v1/assets/': async ({ url, headers }) => {
    const { rows } = await driver.read(page, [tenantId]);
    const counted = await driver.read(total, [tenantId]);
    const results = rows.slice(0, 50).map(assetAnswer);
    const next = `http://${headers.host}${url}?page=2`;
    return [200, { count: counted.rows[0]!.count, next, previous: null, results }];
  },
  'POST /api/v1/scan-events/': async (request) => {
    const body = JSON.parse(await textOf(request)) as ScanBody;
    return driver.transaction(async (send) => {
      const asset = await find(send, body.raw_value);
      const row = scanRow(tenantId, userId, asset!.id as number, body);
      const id = await insert(send, driver, 'scan_events', row);
      const state = { scan_event: id, raw_value: row.raw_value, status: row.status };
      const record = historyRow(row, 'scan', userId, row.asset_id, state);
      await log(send, row.created_at, 'scan_event', id, await insert(send, driver, 'asset_state_history', record));
      return [201, scanAnswer({ id, ...row })];
    });
  },
  'POST /api/v1/assets/': async (request) => {
    const body = JSON.parse(await textOf(request)) as AssetBody;
    return driver.transaction(async (send) => {
      const row = assetRow(tenantId, body);
      const id = await insert(send, driver, 'assets', row);
      const answer = assetAnswer({ id, ...row });
      const { id: _, tenant, created_at, updated_at, ...state } = answer;
      const record = historyRow(row, 'create', userId, id, state);
      await log(send, row.created_at, 'asset', id, await insert(send, driver, 'asset_state_history', record));
      return [201, answer];
    });
  },
};

const numbered = database.dialect === 'sqlite';
const head = 'SELECT seq, seal_seq, seal_hash FROM change_heads WHERE tenant_id = ?';
const advance = 'UPDATE change_heads SET seq = ?, seal_seq = ?, seal_hash = ? WHERE tenant_id = ?';

/** The change and its record in the log; where the daemon numbers and seals within the transaction, that too. */
async function log(send: Send, at: string, entity: string, id: number, record: number): Promise<void> {
  const { seq, seal_seq } = numbered ? (await send(head, [tenantId])).rows[0]! : { seq: null, seal_seq: null };
  const place = (offset: number) => (seq === null ? null : (seq as number) + offset);
  const rows = [
    changeRow(tenantId, userId, at, { seq: place(1), entity, entity_id: id, history_id: null }),
    changeRow(tenantId, userId, at, { seq: place(2), entity: 'history_record', entity_id: record, history_id: record }),
  ];
  const sql = texts.get('change_log') ?? driver.insertSql('change_log', Object.keys(rows[0]!), 2);
  texts.set('change_log', sql);
  await send(
    sql,
    rows.flatMap((row) => Object.values(row)),
  );
  if (!numbered) return;
  const seal = sealRow(tenantId, (seal_seq as number) + 1, record);
  await insert(send, driver, 'history_seals', seal);
  await send(advance, [(seq as number) + 2, seal.seq, seal.hash, tenantId]);
}

async function find(send: Send, code: string): Promise<Row | undefined> {
  const { rows } = await send(byCode, [tenantId, code, tenantId, code, tenantId, code]);
  return rows[0];
}

const texts = new Map<string, string>();

async function insert(send: Send, { insertSql }: BareDriver, table: string, row: Row): Promise<number> {
  const sql = texts.get(table) ?? insertSql(table, Object.keys(row));
  texts.set(table, sql);
  return (await send(sql, Object.values(row))).insertId;
}

function textOf(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (part) => {
      text += part;
    });
    request.once('end', () => resolve(text)).once('error', reject);
  });
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url!.split('?', 1)[0];
  const [status, body] = await works[`${request.method} ${path}`]!(request);
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'X-Request-ID': request.headers['x-request-id'] ?? randomUUID(),
  });
  response.end(text);
}

// The daemon's first write makes it; the ceiling's is made here.
if (numbered)
  await driver.transaction(async (send) => {
    const { rows } = await send(head, [tenantId]);
    const row = { tenant_id: tenantId, seq: 0, floor: 0, epoch: 'bench', seal_seq: 0, seal_hash: '0'.repeat(64) };
    const sql = driver.insertSql('change_heads', Object.keys(row), 1, false);
    if (rows.length === 0) await send(sql, Object.values(row));
  });

const server = createServer((request, response) => {
  answer(request, response).catch((error: Error) => {
    console.error(error.message);
    response.writeHead(500).end();
  });
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ address: `http://127.0.0.1:${port}` }));
});
process.once('SIGTERM', () => {
  server.close(() => void driver.close());
  server.closeAllConnections();
});
