/** The walk along a tenant's chain of seals: the first link that does not hold, and why. */
import { sha256 } from '../../base/ids.ts';
import type { TenantContext } from '../../db/context.ts';
import { type Head, headOf } from '../../queue/heads.ts';
import { genesis, type Seal, sealHash } from '../../queue/seals.ts';
import { editOf, isPlain, type Link, linkColumns } from './record.ts';

export type Kind = 'edit' | 'delete' | 'insert' | 'reorder' | 'truncate' | 'rewrite' | 'checkpoint';

/** The first thing wrong with a tenant's history. */
export interface BadRecord {
  /** The record's id; null when nothing is left that tells it. */
  id: number | null;
  /** Its place in the chain, counted from 1; null for a record that was never in it. */
  sequence: number | null;
  kind: Kind;
  /** A sentence for a reader. */
  message: string;
}

export interface Walked {
  /** Links that were checked. */
  records: number;
  /** The last link that holds. */
  sequence: number;
  seal: string;
  bad: BadRecord | null;
}

export interface WalkOptions {
  /** First link to check; those before are taken as they are. */
  from?: number | undefined;
  /** Told of every link that holds. */
  onLink?: ((sequence: number, seal: string) => void) | undefined;
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Links read at a time: enough to keep the database busy, few enough to hold. */
const page = 2_000;
/** Pages asked for ahead, each on a connection of its own: reading takes several times as long as checking. */
const ahead = 3;

export async function walk(ctx: TenantContext, options: WalkOptions = {}): Promise<Walked> {
  const { from = 1 } = options;
  const head = await headOf(ctx.db, ctx.tenant.id);
  const last = await lastSeal(ctx);
  const state: Walked = { records: 0, sequence: from - 1, seal: await sealBefore(ctx, from), bad: null };
  if (from > last + 1) return { ...state, sequence: last, bad: await cutOff(ctx, last, from - 1) };
  options.onLink?.(state.sequence, state.seal);
  for await (const links of pages(ctx, from, last)) {
    for (const link of links) {
      state.bad = holds(state, link) ? null : await fault(ctx, state, link);
      if (state.bad) return state;
      state.records += 1;
      state.sequence = link.seq;
      state.seal = link.hash;
      options.onLink?.(link.seq, link.hash);
    }
    options.onProgress?.(state.records, Math.max(0, last - from + 1));
  }
  return { ...state, bad: await headFault(ctx, state, head) };
}

/** The links in their order, a page each, whatever is missing among them. */
async function* pages(ctx: TenantContext, from: number, last: number): AsyncGenerator<Link[]> {
  const asked: Promise<Link[]>[] = [];
  try {
    for (let next = from; next <= last || asked.length > 0; ) {
      for (; next <= last && asked.length <= ahead; next += page) {
        const links = pageFrom(ctx, next, Math.min(last, next + page - 1));
        // It may fail before its turn comes; who waits for it then is told.
        links.catch(() => undefined);
        asked.push(links);
      }
      yield await asked.shift()!;
    }
  } finally {
    await Promise.allSettled(asked);
  }
}

/** The head was read before the walk: the chain holds it, or its end was cut off. */
async function headFault(
  ctx: TenantContext,
  { sequence, seal }: Walked,
  head: Head | undefined,
): Promise<BadRecord | null> {
  const bad = (message: string): BadRecord => ({ id: null, sequence, kind: 'truncate', message });
  if (!head) return sequence > 0 ? bad('The head of the chain is missing, so nobody knows how long it was.') : null;
  if (head.seal_seq === sequence && head.seal_hash !== seal)
    return { ...bad(`The head of the chain does not name its last seal, ${sequence}.`), kind: 'edit' };
  return head.seal_seq <= sequence ? null : cutOff(ctx, sequence, head.seal_seq);
}

async function cutOff(ctx: TenantContext, last: number, wanted: number): Promise<BadRecord> {
  const missing = wanted - last;
  return {
    id: await loggedId(ctx),
    sequence: last + 1,
    kind: 'truncate',
    message: `The end of the chain was cut off: ${missing} ${missing === 1 ? 'record is' : 'records are'} missing.`,
  };
}

function pageFrom(ctx: TenantContext, first: number, last: number): Promise<Link[]> {
  const sql =
    `SELECT ${linkColumns(ctx.db)} FROM history_seals s LEFT JOIN asset_state_history h ON h.id = s.history_id ` +
    'WHERE s.tenant_id = ? AND s.seq BETWEEN ? AND ? ORDER BY s.seq';
  return ctx.db.query<Link>(sql, [ctx.tenant.id, first, last]);
}

async function lastSeal({ db, tenant }: TenantContext): Promise<number> {
  const sql = 'SELECT MAX(seq) AS last FROM history_seals WHERE tenant_id = ?';
  return (await db.query<{ last: number | null }>(sql, [tenant.id]))[0]!.last ?? 0;
}

async function sealBefore(ctx: TenantContext, from: number): Promise<string> {
  if (from <= 1) return genesis;
  const sql = 'SELECT hash FROM history_seals WHERE tenant_id = ? AND seq = ?';
  const [seal] = await ctx.db.query<{ hash: string }>(sql, [ctx.tenant.id, from - 1]);
  return seal?.hash ?? genesis;
}

/** All is well, told as cheaply as can be: of a million links, a million are. */
function holds({ sequence, seal }: Walked, link: Link): boolean {
  if (link.seq !== sequence + 1 || link.body === null || !isPlain(link)) return false;
  const content = sha256(link.body);
  return content === link.checksum && link.prev_hash === seal && link.hash === sealHash(seal, link.seq, content);
}

async function fault(ctx: TenantContext, { sequence, seal }: Walked, link: Link): Promise<BadRecord | null> {
  const expected = sequence + 1;
  const { history_id: id, seq } = link;
  const bad = (kind: Kind, message: string): BadRecord => ({ id, sequence: seq, kind, message });
  if (seq !== expected) {
    const message = `Record ${expected} of the chain is missing with its seal.`;
    return { id: await loggedId(ctx), sequence: expected, kind: 'delete', message };
  }
  if (link.body === null) return bad('delete', `Record ${id} was deleted; its seal is still there.`);
  const edit = await editOf(ctx.db, link);
  if (edit) return bad('edit', `Record ${id}: ${edit}.`);
  if (link.hash === sealHash(seal, seq, link.checksum)) {
    if (link.prev_hash === seal) return null;
    return bad('edit', `The seal of record ${id} names another seal before it: prev_hash was changed.`);
  }
  if (await isMoved(ctx, link))
    return bad('reorder', `Record ${id} is not where it was: it was exchanged with another.`);
  return bad('edit', `Record ${id} or its seal was replaced: the seal does not cover it.`);
}

/** Whether the content that stands here is what another seal of the chain covers. */
async function isMoved({ db, tenant }: TenantContext, { seq, checksum }: Link): Promise<boolean> {
  const sql = 'SELECT seq, prev_hash, hash FROM history_seals WHERE tenant_id = ? AND seq > ? ORDER BY seq LIMIT ?';
  for (let after = seq; ; ) {
    const seals = await db.query<Pick<Seal, 'seq' | 'prev_hash' | 'hash'>>(sql, [tenant.id, after, page]);
    if (seals.some((seal) => seal.hash === sealHash(seal.prev_hash, seal.seq, checksum))) return true;
    if (seals.length < page) return false;
    after = seals.at(-1)!.seq;
  }
}

/** The id of the first record that lost its seal, from the change log while it still has it. */
async function loggedId({ db, tenant }: TenantContext): Promise<number | null> {
  const sql =
    'SELECT history_id AS id FROM change_log WHERE tenant_id = ? AND history_id IS NOT NULL AND seq IS NOT NULL AND ' +
    'NOT EXISTS (SELECT 1 FROM history_seals s WHERE s.history_id = change_log.history_id) ORDER BY seq LIMIT 1';
  const [lost] = await db.query<{ id: number }>(sql, [tenant.id]);
  return lost?.id ?? null;
}
