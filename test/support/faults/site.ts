/** A site made by `assetra init` in a temporary folder, and its admin's way in by HTTP. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assetra } from '../../cli/spawn.ts';

/** Alice's, who is admin of the tenant `plant-1`. */
export const password = 'a good long pass phrase';

export interface Site {
  dir: string;
  remove(): void;
}

export interface SiteOptions {
  /** URL of an empty database; an SQLite file in the site's folder when left out. */
  database?: string | undefined;
  /** Where the site's folder is made; a temporary folder when left out. */
  parent?: string | undefined;
}

export async function makeSite({ database, parent }: SiteOptions = {}): Promise<Site> {
  const folder = mkdtempSync(join(parent ?? tmpdir(), 'assetra-site-'));
  const dir = join(folder, 'site');
  const init = ['init', '--yes', '--dir', dir, '--tenant', 'Plant 1', '--admin', 'alice', '--password-stdin'];
  const { code, stderr } = await assetra(database ? [...init, '--database', database] : init, { input: password });
  if (code !== 0) throw new Error(`assetra init failed: ${stderr}`);
  return { dir, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export interface Reply {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect.
  body: any;
}

export interface Client {
  tokens: { access: string; refresh: string };
  /** With token and tenant, for callers of their own. */
  headers: Record<string, string>;
  /** `path` below /api/v1/. */
  get(path: string): Promise<Reply>;
  post(path: string, sent: object): Promise<Reply>;
}

/** Alice, logged in by HTTP. */
export async function logIn(address: string): Promise<Client> {
  const headers: Record<string, string> = { 'Content-Type': 'application/json', 'X-Tenant-ID': 'plant-1' };
  const call = async (method: string, path: string, body?: object): Promise<Reply> => {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(`${address}/api/v1/${path}`, { method, headers, ...sent });
    return { status: answer.status, headers: answer.headers, body: await answer.json() };
  };
  const { status, body } = await call('POST', 'auth/token/', { username: 'alice', password });
  if (status !== 200) throw new Error(`Alice cannot log in: ${status} ${JSON.stringify(body)}`);
  headers.Authorization = `Bearer ${body.access}`;
  return { tokens: body, headers, get: (path) => call('GET', path), post: (path, sent) => call('POST', path, sent) };
}
