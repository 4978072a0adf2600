/** A site that the command line made, with the tenant `plant-1` and the admin `alice`. */
import { join } from 'node:path';
import { expect } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import type { TenantContext } from '../../src/db/context.ts';
import { Database } from '../../src/db/database.ts';
import { assetra, ensureBuilt } from './spawn.ts';

/** In `dir`; `flags` go to `init`. */
export async function initPlant(dir: string, ...flags: string[]): Promise<void> {
  ensureBuilt();
  const init = ['init', '--yes', '--dir', dir, '--tenant', 'Plant 1', '--admin', 'alice', '--password-stdin'];
  const { code, stderr } = await assetra([...init, ...flags], { input: 'a good long pass phrase' });
  expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
}

/** What another program beside the command line does in the tenant. */
export async function besides(dir: string, work: (ctx: TenantContext, database: Database) => Promise<void>) {
  const database = new Database({ dialect: 'sqlite', filename: join(dir, 'assetra.db'), poolSize: 1 });
  const actor = { kind: 'system', id: null, label: 'test', role: 'admin', superuser: true } as const;
  const tenant = { id: 1, name: 'Plant 1', slug: 'plant-1', settings: {} };
  const ctx = { db: database, tenant, actor, now: () => new Date(), log: silentLog };
  await work(ctx, database).finally(() => database.close());
}
