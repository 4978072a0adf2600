/** What writers were told, held against what is in the database. */
import { tmpdir } from 'node:os';
import type { Config, DatabaseConfig } from '../../../src/base/config.ts';
import { siteOf } from '../../../src/cli/site.ts';
import type { TenantContext } from '../../../src/db/context.ts';
import { Database } from '../../../src/db/database.ts';
import { listTenants } from '../../../src/domain/accounts/service.ts';
import * as audit from '../../../src/domain/audit/service.ts';
import * as changes from '../../../src/queue/changes.ts';
import type { Writers } from './writers.ts';

export interface Balance {
  /** Answered with 2xx, and not there under the id that was told. */
  lost: string[];
  /** There more than once. */
  twice: string[];
  /** There, and sent by nobody. */
  foreign: string[];
  /** There without exactly one history record of its asset. */
  unwritten: string[];
}

/** All lists are empty when every answered scan is there exactly once, with its history. */
export const balanced: Balance = { lost: [], twice: [], foreign: [], unwritten: [] };

/** `config` leads to the database itself, past any proxy. Every scanned code must be an asset's. */
export async function balance(config: DatabaseConfig, writers: Writers): Promise<Balance> {
  const database = new Database({ ...config, poolSize: 1 });
  try {
    const scans = await database.query<Scan>('SELECT id, client_event_id FROM scan_events');
    const sql = "SELECT new_state FROM asset_state_history WHERE event_type = 'scan'";
    const history = await database.query<{ new_state: unknown }>(sql);
    return weigh(scans, history.map(scanOf), writers);
  } finally {
    await database.close();
  }
}

/** What is wrong with the chain or the numbers of each tenant; empty when every change has its place and every record its seal. */
export async function chains(config: DatabaseConfig): Promise<string[]> {
  const database = new Database({ ...config, poolSize: 2 });
  try {
    const { ctx } = await siteOf({ dir: tmpdir() } as Config, database);
    const faults: string[] = [];
    for (const tenant of await listTenants(ctx)) faults.push(...(await chainFaults({ ...ctx, tenant })));
    return faults;
  } finally {
    await database.close();
  }
}

async function chainFaults(ctx: TenantContext): Promise<string[]> {
  const { first_bad, records } = await audit.verify(ctx, { checkpoints: [], key: undefined });
  const sql =
    'SELECT COUNT(*) AS count, COUNT(DISTINCT seq) AS numbered, MAX(seq) AS last FROM change_log WHERE tenant_id = ?';
  const [log] = await ctx.db.query<{ count: number; numbered: number; last: number | null }>(sql, [ctx.tenant.id]);
  const head = (await changes.pull(ctx, 0, 1)).head;
  const [history] = await ctx.db.query<{ count: number }>(
    'SELECT COUNT(*) AS count FROM asset_state_history WHERE tenant_id = ?',
    [ctx.tenant.id],
  );
  const faults = first_bad ? [first_bad.message] : [];
  if (records !== history!.count) faults.push(`${history!.count} records, but ${records} seals`);
  const { count, numbered, last } = log!;
  if (count !== numbered || count !== (last ?? 0) || count !== head)
    faults.push(`${count} changes, ${numbered} numbers up to ${last}, head ${head}`);
  return faults;
}

interface Scan {
  id: number;
  client_event_id: string;
}

const scanOf = ({ new_state }: { new_state: unknown }): number =>
  (typeof new_state === 'string' ? JSON.parse(new_state) : new_state).scan_event;

function weigh(scans: Scan[], recorded: number[], { sent, answered }: Writers): Balance {
  const ids = new Map(scans.map(({ id, client_event_id }) => [client_event_id, id]));
  const times = new Map<number, number>();
  for (const id of recorded) times.set(id, (times.get(id) ?? 0) + 1);
  return {
    lost: [...answered].filter(([event, id]) => ids.get(event) !== id).map(([event]) => event),
    twice: scans
      .filter(({ id, client_event_id }) => ids.get(client_event_id) !== id)
      .map((scan) => scan.client_event_id),
    foreign: [...ids.keys()].filter((event) => !sent.has(event)),
    unwritten: scans.filter(({ id }) => times.get(id) !== 1).map((scan) => scan.client_event_id),
  };
}
