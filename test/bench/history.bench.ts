/** Verifying a long history beside the limit: hashing the same records out of memory. Exits 1 when a record does not verify. */
import { parseArgs } from 'node:util';
import canonicalize from 'canonicalize';
import { sha256 } from '../../src/base/ids.ts';
import { silentLog } from '../../src/base/log.ts';
import type { TenantContext } from '../../src/db/context.ts';
import { Database } from '../../src/db/database.ts';
import * as audit from '../../src/domain/audit/service.ts';
import * as changes from '../../src/queue/changes.ts';
import { chain, genesis, sealHash, type Unsealed } from '../../src/queue/seals.ts';
import { machine, median } from './report.ts';
import { createSite, type Found, findDatabases } from './sites.ts';

const { values } = parseArgs({ options: { records: { type: 'string', default: '200000' } } });
const records = Number(values.records);
const chunk = 5_000;
const rounds = 3;

console.log(`${machine()}; ${records} records, ${rounds} rounds`);
for (const found of (await findDatabases()).filter((database) => database.found)) await measure(found);

async function measure(found: Found): Promise<void> {
  const site = await createSite(found, 10);
  const database = new Database(site.database);
  try {
    const actor = { kind: 'system', id: null, label: 'bench', role: 'admin', superuser: true } as const;
    const tenant = { id: site.tenantId, name: 'Bench', slug: 'bench', settings: {} };
    const ctx: TenantContext = { db: database, tenant, actor, now: () => new Date(), log: silentLog };
    // What made the site is a change too: its number makes the head.
    await changes.catchUp(ctx);
    const bodies = await seed(database, site.tenantId);
    const verified: number[] = [];
    const limits: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      verified.push(await rate(() => verify(ctx)));
      limits.push(await rate(async () => hashAll(bodies)));
    }
    const ratio = median(verified.map((one, round) => one / limits[round]!));
    const figures = [median(verified), median(limits)].map((one) => `${one.toFixed(0)}/s`);
    console.log(`${found.title.padEnd(14)} verify ${figures[0]}; limit ${figures[1]}; ${(ratio * 100).toFixed(0)} %`);
  } finally {
    await database.close();
    await site.remove();
  }
}

async function rate(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return (records / (performance.now() - started)) * 1_000;
}

async function verify(ctx: TenantContext): Promise<void> {
  const verdict = await audit.verify(ctx, { checkpoints: [], key: undefined });
  if (verdict.first_bad || verdict.records !== records) throw new Error(JSON.stringify(verdict));
}

function hashAll(bodies: readonly string[]): void {
  let seal = genesis;
  for (const [index, body] of bodies.entries()) seal = sealHash(seal, index + 1, sha256(body));
}

/** Records as scans leave them, sealed; answers their bodies. */
async function seed(database: Database, tenant: number): Promise<string[]> {
  const bodies: string[] = [];
  let head = { seal_seq: 0, seal_hash: genesis };
  for (let from = 1; from <= records; from += chunk) {
    const rows = Array.from({ length: Math.min(chunk, records - from + 1) }, (_, index) =>
      recordOf(tenant, from + index),
    );
    bodies.push(...rows.map(({ body }) => body));
    const { seals, ...last } = chain(
      tenant,
      head,
      rows.map(({ id, checksum }): Unsealed => ({ history_id: id, checksum })),
    );
    head = last;
    await database.insertMany('asset_state_history', rows);
    await database.insertMany('history_seals', seals);
  }
  const advance = 'UPDATE change_heads SET seal_seq = ?, seal_hash = ? WHERE tenant_id = ?';
  await database.execute(advance, [head.seal_seq, head.seal_hash, tenant]);
  return bodies;
}

function recordOf(tenant: number, id: number) {
  const created_at = new Date(Date.UTC(2026, 0, 1) + id * 1_000).toISOString();
  const new_state = { raw_value: `B${id}`, scan_event: id, status: 'validated' };
  const record = { actor: null, actor_label: 'bench', asset: (id % 10) + 1, created_at, event_type: 'scan' };
  const rest = { gps_latitude: null, gps_longitude: null, location: null, new_state, previous_state: {}, tenant };
  const body = canonicalize({ ...record, ...rest })!;
  return {
    id,
    tenant_id: tenant,
    asset_id: record.asset,
    event_type: 'scan',
    actor_id: null,
    actor_label: 'bench',
    location_id: null,
    gps_latitude: null,
    gps_longitude: null,
    previous_state: '{}',
    new_state: canonicalize(new_state)!,
    body,
    checksum: sha256(body),
    created_at,
    updated_at: created_at,
  };
}
