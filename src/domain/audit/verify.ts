/** Whether the history is what was written: checked along its chain, and against what was signed of it. */
import type { KeyObject } from 'node:crypto';
import { ConfigError } from '../../base/errors.ts';
import type { TenantContext } from '../../db/context.ts';
import * as changes from '../../queue/changes.ts';
import { type BadRecord, type Walked, walk } from './chain.ts';
import { type Checkpoint, isGenuine } from './checkpoints.ts';

export interface Evidence {
  checkpoints: readonly Checkpoint[];
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

/**
 * Checks one tenant's history. Everything committed before the call is sealed first. ConfigError when there are checkpoints
 * and no key to check them with.
 */
export async function verify(ctx: TenantContext, evidence: Evidence, options: VerifyOptions = {}): Promise<Verdict> {
  const { from = 1 } = options;
  await changes.catchUp(ctx);
  const own = evidence.checkpoints.filter(({ tenant }) => tenant === ctx.tenant.id);
  const forged = forgery(own, evidence.key);
  const { standing, notes } = sifted(forged ? [] : own);
  // What is held against where the walk begins shows that it begins at the right place.
  const held = standing.filter(({ sequence }) => sequence >= from - 1);
  const wanted = new Set(held.map(({ sequence }) => sequence));
  const seals = new Map<number, string>();
  const onLink = (sequence: number, seal: string) => void (wanted.has(sequence) && seals.set(sequence, seal));
  const walked = await walk(ctx, { ...options, onLink });
  const first_bad =
    walked.bad ?? forged ?? (await contradiction(ctx, held, seals, walked)) ?? (await unsealed(ctx, from));
  const { id: tenant, slug } = ctx.tenant;
  const { records, sequence, seal } = walked;
  return { tenant, slug, records, sequence, seal, checkpoints: held.length, first_bad, notes };
}

/** Before anything is believed of them: a line that says "restored" would void all the others. */
function forgery(own: readonly Checkpoint[], key: KeyObject | undefined): BadRecord | null {
  if (own.length === 0) return null;
  if (!key) throw new ConfigError('There are checkpoints, but no key to check them with. Name it with --key.');
  const forged = own.find((checkpoint) => !isGenuine(checkpoint, key));
  if (!forged) return null;
  const message = `The checkpoint of ${forged.at} was not signed by the key of this site.`;
  return { id: null, sequence: forged.sequence, kind: 'checkpoint', message };
}

/** The checkpoints without those that a later restore made void. */
function sifted(own: readonly Checkpoint[]) {
  const notes: string[] = [];
  let standing: Checkpoint[] = [];
  for (const checkpoint of own) {
    const { kind, at, sequence } = checkpoint;
    if (kind === 'restore') {
      const lost = Math.max(0, ...standing.map((line) => line.sequence - sequence));
      notes.push(`Restored at ${at} to record ${sequence} of the chain; ${lost} later ones were given up.`);
      standing = standing.filter((line) => line.sequence <= sequence);
    }
    standing.push(checkpoint);
  }
  return { standing, notes };
}

async function contradiction(
  ctx: TenantContext,
  held: readonly Checkpoint[],
  seals: Map<number, string>,
  walked: Walked,
): Promise<BadRecord | null> {
  let good = 0;
  for (const { sequence, seal, at } of [...held].sort((one, two) => one.sequence - two.sequence)) {
    if (sequence > walked.sequence)
      return named(ctx, {
        place: walked.sequence + 1,
        kind: 'truncate',
        message: `The chain ends at record ${walked.sequence}, but at ${at} it had ${sequence}: the end was cut off, or an older copy was put in its place.`,
      });
    if (sequence > 0 && seals.get(sequence) !== seal)
      return named(ctx, {
        place: good + 1,
        kind: 'rewrite',
        message: `The chain was written anew: at ${at} record ${sequence} had another seal. Records from ${good + 1} on cannot be trusted.`,
      });
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
  const range = [from > 1 ? (first ?? 0) : Number.MIN_SAFE_INTEGER, last ?? 0];
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
