/** The real API on a free port over a site of two tenants; every answer is held against the document. */
import { createSecretKey, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import jwt from 'jsonwebtoken';
import type { Config } from '../../src/base/config.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Vault } from '../../src/base/vault.ts';
import type { Role, Tenant } from '../../src/db/context.ts';
import type { Dialect } from '../../src/db/dialect.ts';
import { createAccess } from '../../src/domain/accounts/service.ts';
import { createApp } from '../../src/http/app.ts';
import { Streams } from '../../src/http/live.ts';
import { HttpServer } from '../../src/http/server.ts';
import { breach } from './contract.ts';
import { type TestSite, testSite } from './site.ts';
import { testVault } from './vault.ts';

const key = createSecretKey(Buffer.alloc(32, 7));

export interface Call {
  /** `admin` unless said; null sends no token. */
  role?: Role | null;
  tenant?: Tenant;
  body?: unknown;
  /** Sent as it is, instead of `body`. */
  raw?: string | Buffer;
  headers?: Record<string, string>;
}

export interface Reply {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect.
  body: any;
  text: string;
}

export interface TestApp extends TestSite {
  url: string;
  /** Opens what the app seals. */
  vault: Vault;
  /** The site's folder. */
  folder: string;
  /** `path` below /api/v1/ unless it begins with a slash. */
  call(method: string, path: string, call?: Call): Promise<Reply>;
  /** The same answer as it came, held against nothing. */
  send(method: string, path: string, call?: Call): Promise<Response>;
}

export async function testApp(dialect: Dialect): Promise<TestApp> {
  const site = await testSite(dialect);
  const access = createAccess({ key, accessMinutes: 30, refreshDays: 7 });
  const folder = mkdtempSync(join(tmpdir(), 'assetra-app-'));
  const config = {
    dir: folder,
    http: { corsOrigins: ['https://console.example'], trustedProxies: [], publicUrls: [] },
  } as never as Config;
  const streams = new Streams(site.database);
  const vault = testVault();
  const app = createApp({
    config,
    database: site.database,
    log: silentLog,
    access,
    vault,
    streams,
    checks: {},
  });
  const server = new HttpServer(app, '127.0.0.1', 0);
  const url = await server.start();
  const tokenOf = (role: Role, tenant: Tenant) => signed(site.userId(role, tenant));
  const targetOf = (path: string) => (path.startsWith('/') ? path : `/api/v1/${path}`);
  const send = (method: string, path: string, { role = 'admin', tenant = site.plant, ...rest }: Call = {}) => {
    const headers: Record<string, string> = { 'X-Tenant-ID': String(tenant.id), ...rest.headers };
    if (role !== null) headers.Authorization ??= `Bearer ${tokenOf(role, tenant)}`;
    const body = rest.raw ?? (rest.body === undefined ? undefined : JSON.stringify(rest.body));
    if (body !== undefined) headers['Content-Type'] ??= 'application/json';
    return fetch(url + targetOf(path), { method, headers, ...(body !== undefined && { body }) });
  };
  const call = async (method: string, path: string, more: Call = {}) =>
    checked(method, targetOf(path), await send(method, path, more));
  const close = async () => {
    await streams.stop();
    await server.stop();
    await site.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { ...site, url, vault, folder, call, send, close };
}

async function checked(method: string, target: string, answer: Response): Promise<Reply> {
  const text = await answer.text();
  const type = answer.headers.get('Content-Type') ?? '';
  const body = text === '' ? undefined : type.startsWith('application/json') ? JSON.parse(text) : text;
  const fault = method === 'HEAD' || method === 'OPTIONS' ? null : breach(method, target, answer.status, type, body);
  if (fault) throw new Error(fault);
  return { status: answer.status, headers: answer.headers, body, text };
}

const signed = (user: number): string =>
  jwt.sign({ token_type: 'access', user_id: user, jti: randomUUID() }, key, { algorithm: 'HS256', expiresIn: 600 });
