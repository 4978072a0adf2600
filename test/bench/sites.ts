/** A temporary site with its assets, on a database of its own. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import knexPackage from 'knex';
import { loadConfig } from '../../src/base/config.ts';
import type { DatabaseConfig } from '../../src/base/database-url.ts';
import { packageRoot } from '../../src/base/paths.ts';
import { found } from '../../src/cli/init.ts';
import { Database } from '../../src/db/database.ts';
import type { Dialect } from '../../src/db/dialect.ts';

export interface Found {
  dialect: Dialect;
  title: string;
  found: boolean;
  /** A server's administrative address. */
  url?: string;
  /** Why it cannot be used. */
  reason?: string;
}

export interface Site {
  dir: string;
  database: DatabaseConfig;
  tenantId: number;
  userId: number;
  count(table: string): Promise<number>;
  remove(): Promise<void>;
}

export const credentials = { username: 'bench', password: 'a password of benchmarks' };
/** Tag and barcode of the asset with this number, counted from 0. */
export const tagOf = (number: number): string => `TAG-${String(number).padStart(7, '0')}`;
export const barcodeOf = (number: number): string => `B${String(number * 7 + 1_000_003)}`;

/** The three databases and which of them answer, as `npm test` finds them. */
export async function findDatabases(): Promise<Found[]> {
  const module = await import(pathToFileURL(join(packageRoot, 'bin/bootstrap/databases.mjs')).href);
  return module.findDatabases();
}

export async function createSite({ dialect, url }: Found, assets: number): Promise<Site> {
  const dir = mkdtempSync(join(tmpdir(), 'assetra-bench-'));
  const name = `assetra_bench_${randomBytes(5).toString('hex')}`;
  const removeFiles = () => rmSync(dir, { recursive: true, force: true });
  const administer = async (sql: string) => url && dialect !== 'sqlite' && (await runSql(dialect, url, sql));
  await administer(`CREATE DATABASE ${name}`);
  const remove = async () => {
    removeFiles();
    await administer(`DROP DATABASE ${name}`);
  };
  try {
    const flags = { dir, database: url && urlOf(url, name) };
    const { username: admin, password } = credentials;
    const { tenant_id: tenantId, user_id: userId } = await found(flags, { tenant: 'Bench', admin, password });
    const { database } = loadConfig(flags, {});
    await withDatabase(database, (open) => seed(open, tenantId, assets));
    const count = (table: string) => withDatabase(database, (open) => countRows(open, table));
    return { dir, database, tenantId, userId, count, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** What requests of the site's admin carry. */
export async function logIn(address: string, tenantId: number): Promise<Record<string, string>> {
  const headers = { 'Content-Type': 'application/json' };
  const answer = await fetch(`${address}/api/v1/auth/token/`, {
    method: 'POST',
    headers,
    body: JSON.stringify(credentials),
  });
  if (!answer.ok) throw new Error(`The log-in was refused: ${await answer.text()}`);
  const { access } = (await answer.json()) as { access: string };
  return { authorization: `Bearer ${access}`, 'x-tenant-id': String(tenantId) };
}

/** What the server says of its promise to keep a commit; SQLite's is set by each connection. */
export function durabilityOf(site: Site): Promise<string> {
  const { dialect } = site.database;
  const statements = {
    sqlite: "SELECT 'WAL, synchronous FULL' AS text",
    postgres:
      "SELECT 'fsync ' || current_setting('fsync') || ', synchronous_commit ' || current_setting('synchronous_commit') AS text",
    mysql:
      "SELECT CONCAT('innodb_flush_log_at_trx_commit ', @@innodb_flush_log_at_trx_commit, ', log_bin ', @@log_bin) AS text",
  };
  return withDatabase(site.database, async (open) => {
    const [row] = await open.query<{ text: string }>(statements[dialect]);
    return row!.text;
  });
}

async function withDatabase<T>(config: DatabaseConfig, work: (open: Database) => Promise<T>): Promise<T> {
  const open = new Database(config);
  try {
    return await work(open);
  } finally {
    await open.close();
  }
}

async function countRows(open: Database, table: string): Promise<number> {
  const [row] = await open.query<{ count: number }>(`SELECT COUNT(*) AS count FROM ${table}`);
  return row!.count;
}

async function seed(open: Database, tenantId: number, assets: number): Promise<void> {
  const chunk = 10_000;
  for (let from = 0; from < assets; from += chunk) {
    const length = Math.min(chunk, assets - from);
    const rows = Array.from({ length }, (_, index) => assetRow(tenantId, from + index));
    await open.insertMany('assets', rows);
  }
  // A fresh table has no statistics, and a planner without them may scan it.
  if (open.dialect === 'mysql') await open.query('ANALYZE TABLE assets');
  else await open.execute('ANALYZE');
}

function assetRow(tenantId: number, number: number) {
  const stamp = new Date(Date.UTC(2026, 0, 1) + number).toISOString();
  return {
    tenant_id: tenantId,
    asset_tag: tagOf(number),
    name: `Pump ${number}`,
    description: 'Centrifugal pump, 3 kW',
    barcode_value: barcodeOf(number),
    barcode_type: 'qr',
    status: 'active',
    custom_fields: JSON.stringify({ maker: 'KSB', voltage: 400 }),
    metadata: '{}',
    created_at: stamp,
    updated_at: stamp,
  };
}

function urlOf(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

async function runSql(dialect: 'postgres' | 'mysql', url: string, sql: string): Promise<void> {
  const knex = knexPackage({
    client: dialect === 'postgres' ? 'pg' : 'mysql2',
    connection: url,
    pool: { min: 0, max: 1 },
  });
  try {
    await knex.raw(sql);
  } finally {
    await knex.destroy();
  }
}
