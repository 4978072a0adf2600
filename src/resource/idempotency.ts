/** Idempotency-Key: the first answer to a POST is kept with its change, in one transaction, and given again. */
import { Conflict, Invalid } from '../base/errors.ts';
import { sha256 } from '../base/ids.ts';
import { inTransaction, type TenantContext, timestamp } from '../db/context.ts';
import { UniqueViolation } from '../db/errors.ts';

export interface KeptAnswer {
  status: number;
  body: unknown;
  replayed: boolean;
}

interface KeyRow {
  fingerprint: string;
  status: number;
  body: string;
}

/** Runs `work` once for this actor and key. The same key with another request is a Conflict. */
export async function once(
  ctx: TenantContext,
  key: string,
  request: string,
  work: (ctx: TenantContext) => Promise<{ status: number; body: unknown }>,
): Promise<KeptAnswer> {
  if (!/^[\x21-\x7e]{1,255}$/.test(key))
    throw new Invalid('Idempotency-Key must be 1 to 255 visible ASCII characters.');
  const fingerprint = sha256(request);
  const known = await find(ctx, key);
  if (known) return replay(ctx, known, fingerprint);
  try {
    return await inTransaction(ctx, async (tx) => {
      const id = await reserve(tx, key, fingerprint);
      const { status, body } = await work(tx);
      // An answer may hold a secret that is shown once, so it is not kept in the clear.
      const plain = JSON.stringify(body ?? null);
      const text = tx.vault ? tx.vault.seal(plain, purpose(tx)) : plain;
      await tx.db.execute('UPDATE idempotency_keys SET status = ?, body = ? WHERE id = ?', [status, text, id]);
      return { status, body, replayed: false };
    });
  } catch (error) {
    // Two requests with one key met: the other has committed, so its answer is there.
    const winner = error instanceof UniqueViolation ? await find(ctx, key) : undefined;
    if (winner) return replay(ctx, winner, fingerprint);
    throw error;
  }
}

const purpose = ({ tenant }: TenantContext): string => `idempotency:${tenant.id}`;

const actorKey = ({ actor }: TenantContext): string => `${actor.kind}:${actor.id ?? 0}`;

async function find(ctx: TenantContext, key: string): Promise<KeyRow | undefined> {
  const sql =
    'SELECT fingerprint, status, body FROM idempotency_keys WHERE tenant_id = ? AND actor = ? AND idempotency_key = ?';
  const rows = await ctx.db.query<KeyRow>(sql, [ctx.tenant.id, actorKey(ctx), key]);
  return rows[0];
}

function reserve(ctx: TenantContext, key: string, fingerprint: string): Promise<number> {
  const now = timestamp(ctx);
  const row = { tenant_id: ctx.tenant.id, actor: actorKey(ctx), idempotency_key: key, fingerprint };
  return ctx.db.insert('idempotency_keys', { ...row, status: null, body: null, created_at: now, updated_at: now });
}

function replay(ctx: TenantContext, row: KeyRow, fingerprint: string): KeptAnswer {
  if (row.fingerprint !== fingerprint)
    throw new Conflict('This Idempotency-Key was used for another request. Send a new key.');
  const sealed = row.body.startsWith('v1.');
  const text = sealed && ctx.vault ? ctx.vault.open(row.body, purpose(ctx)) : row.body;
  return { status: row.status, body: JSON.parse(text), replayed: true };
}
