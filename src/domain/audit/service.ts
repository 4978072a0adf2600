/** Whether the history is what was written: checked along its chain, and against what was signed of it. */
import type { KeyObject } from 'node:crypto';
import { type Context, type Tenant, type TenantContext, timestamp } from '../../db/context.ts';
import * as changes from '../../queue/changes.ts';
import { headOf } from '../../queue/heads.ts';
import { listTenants } from '../accounts/service.ts';
import { type BadRecord, type Walked, walk } from './chain.ts';
import * as checkpoints from './checkpoints.ts';

export { linesOf } from './bundle.ts';
export type { BadRecord, Kind } from './chain.ts';
export {
  type Checkpoint,
  checkpointFile,
  isGenuine,
  openWitness,
  publicKeyOf,
  read as readCheckpoints,
  type Witness,
} from './checkpoints.ts';

export interface Evidence {
  checkpoints: readonly checkpoints.Checkpoint[];
  /** Undefined when the site has no key: then no checkpoint can be checked. */
  key: KeyObject | undefined;
}

export interface VerifyOptions {
  from?: number | undefined;
  onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface Verdict {
  tenant: number;
  slug: string;
  records: number;
  /** The last link that holds. */
  sequence: number;
  seal: string;
  /** Checkpoints that the chain was held against. */
  checkpoints: number;
  first_bad: BadRecord | null;
  /** What a reader should know although nothing is wrong. */
  notes: string[];
}

/** Checks one tenant's history. Everything committed before the call is sealed first. */
export async function verify(ctx: TenantContext, evidence: Evidence, options: VerifyOptions = {}): Promise<Verdict> {
  await changes.catchUp(ctx);
  const { standing, notes } = sifted(ctx, evidence.checkpoints);
  const seals = new Map<number, string>();
  const wanted = new Set(standing.map(({ sequence }) => sequence));
  const onLink = (sequence: number, seal: string) => void (wanted.has(sequence) && seals.set(sequence, seal));
  const walked = await walk(ctx, { ...options, onLink });
  const held = standing.filter(({ sequence }) => sequence >= (options.from ?? 1));
  const first_bad =
    walked.bad ?? (await contradiction(ctx, evidence.key, held, seals, walked)) ?? (await unsealed(ctx, options.from));
  const { id: tenant, slug } = ctx.tenant;
  const { records, sequence, seal } = walked;
  return { tenant, slug, records, sequence, seal, checkpoints: held.length, first_bad, notes };
}

/** The tenant's checkpoints without those that a later restore made void. */
function sifted(ctx: TenantContext, all: readonly checkpoints.Checkpoint[]) {
  const notes: string[] = [];
  let standing: checkpoints.Checkpoint[] = [];
  for (const checkpoint of all.filter(({ tenant }) => tenant === ctx.tenant.id)) {
    if (checkpoint.kind === 'restore') {
      const kept = standing.filter(({ sequence }) => sequence <= checkpoint.sequence);
      const lost = Math.max(0, ...standing.map(({ sequence }) => sequence - checkpoint.sequence));
      notes.push(
        `Restored at ${checkpoint.at} to record ${checkpoint.sequence} of the chain; ${lost} later ones were given up.`,
      );
      standing = kept;
    }
    standing.push(checkpoint);
  }
  return { standing, notes };
}

async function contradiction(
  ctx: TenantContext,
  key: KeyObject | undefined,
  held: readonly checkpoints.Checkpoint[],
  seals: Map<number, string>,
  walked: Walked,
): Promise<BadRecord | null> {
  let good = 0;
  for (const checkpoint of [...held].sort((one, two) => one.sequence - two.sequence)) {
    const { sequence, at } = checkpoint;
    const bad = (place: number, kind: BadRecord['kind'], message: string) => named(ctx, { place, kind, message });
    if (!key || !checkpoints.isGenuine(checkpoint, key))
      return bad(sequence, 'checkpoint', `The checkpoint of ${at} was not signed by the key of this site.`);
    if (sequence > walked.sequence)
      return bad(
        walked.sequence + 1,
        'truncate',
        `The chain ends at record ${walked.sequence}, but at ${at} it had ${sequence}: the end was cut off, or an older copy was put in its place.`,
      );
    if (sequence > 0 && seals.get(sequence) !== checkpoint.seal)
      return bad(
        good + 1,
        'rewrite',
        `The chain was written anew: at ${at} record ${sequence} had another seal. Records from ${good + 1} on cannot be trusted.`,
      );
    good = sequence;
  }
  return null;
}

async function named(
  ctx: TenantContext,
  { place, kind, message }: { place: number; kind: BadRecord['kind']; message: string },
): Promise<BadRecord> {
  const sql = 'SELECT history_id AS id FROM history_seals WHERE tenant_id = ? AND seq = ?';
  const [seal] = await ctx.db.query<{ id: number }>(sql, [ctx.tenant.id, place]);
  return { id: seal?.id ?? null, sequence: place, kind, message };
}

/** A record that no seal covers did not come through the program. One just committed gets its seal and is looked at again. */
async function unsealed(ctx: TenantContext, from = 1): Promise<BadRecord | null> {
  const bounds =
    'SELECT (SELECT MAX(id) FROM asset_state_history) AS last, ' +
    '(SELECT history_id FROM history_seals WHERE tenant_id = ? AND seq = ?) AS first';
  const [{ first, last }] = (await ctx.db.query(bounds, [ctx.tenant.id, from])) as [Record<string, number | null>];
  const sql =
    'SELECT h.id FROM asset_state_history h LEFT JOIN history_seals s ON s.history_id = h.id ' +
    'WHERE h.tenant_id = ? AND h.id BETWEEN ? AND ? AND s.history_id IS NULL ORDER BY h.id LIMIT 1';
  const range = [from > 1 ? (first ?? 0) : 0, last ?? 0];
  const find = async () => (await ctx.db.query<{ id: number }>(sql, [ctx.tenant.id, ...range]))[0];
  let found = await find();
  for (let before = -1; found && found.id !== before; found = await find()) {
    before = found.id;
    await changes.catchUp(ctx);
  }
  if (!found) return null;
  const message = `Record ${found.id} was put in past the chain: it has no seal.`;
  return { id: found.id, sequence: null, kind: 'insert', message };
}

/**
 * Signs where every tenant's chain stands, after checking what came since the last checkpoint. A chain that does not hold
 * gets none: answers what is wrong with it.
 */
export async function checkpoint(ctx: Context, witness: checkpoints.Witness): Promise<Verdict[]> {
  const all = checkpoints.read(witness.path);
  const lines: checkpoints.Checkpoint[] = [];
  const faulty: Verdict[] = [];
  for (const tenant of await listTenants(ctx)) {
    const inside: TenantContext = { ...ctx, tenant };
    const last = all.filter((line) => line.tenant === tenant.id).at(-1);
    await changes.catchUp(inside);
    const head = await headOf(ctx.db, tenant.id);
    if (!head || head.seal_seq === 0 || (last?.sequence === head.seal_seq && last.seal === head.seal_hash)) continue;
    const evidence = { checkpoints: last ? [last] : [], key: witness.privateKey };
    const verdict = await verify(inside, evidence, { from: last && last.sequence > 0 ? last.sequence : 1 });
    if (verdict.first_bad) faulty.push(verdict);
    else lines.push(statement(ctx, tenant, verdict, witness.privateKey, 'checkpoint'));
  }
  if (lines.length > 0) checkpoints.append(witness.path, lines);
  for (const line of lines) ctx.log.info({ checkpoint: line, tenant_id: String(line.tenant) }, 'audit checkpoint');
  return faulty;
}

/** Says, signed, that a restore set every chain to where it stands now. */
export async function noteRestore(ctx: Context, witness: checkpoints.Witness): Promise<void> {
  const lines: checkpoints.Checkpoint[] = [];
  for (const tenant of await listTenants(ctx)) {
    const head = await headOf(ctx.db, tenant.id);
    const at = { sequence: head?.seal_seq ?? 0, seal: head?.seal_hash ?? '' };
    lines.push(statement(ctx, tenant, at, witness.privateKey, 'restore'));
  }
  checkpoints.append(witness.path, lines);
}

const statement = (
  ctx: Context,
  { id: tenant, slug }: Tenant,
  { sequence, seal }: { sequence: number; seal: string },
  key: KeyObject,
  kind: checkpoints.Statement['kind'],
): checkpoints.Checkpoint =>
  checkpoints.signed({ version: 1, kind, tenant, slug, sequence, seal, at: timestamp(ctx) }, key);
