/** What could not be stored, as it was sent: apps forget an item after any 200, so nothing may be dropped. */
import { sha256 } from '../../base/ids.ts';
import { storable } from '../../base/text.ts';
import { type TenantContext, timestamp } from '../../db/context.ts';
import { UniqueViolation } from '../../db/errors.ts';
import { listOf } from '../../db/lists.ts';

export interface Unstorable {
  kind: 'scan_event' | 'asset_change';
  /** As JSON has it. */
  item: unknown;
  reason: string;
}

/** Keeps each once, however often it is sent, in the caller's transaction. */
export async function keep(ctx: TenantContext, items: readonly Unstorable[]): Promise<void> {
  if (items.length === 0) return;
  // By their hash: two requests that bring the same then wait in one order, and not for each other.
  const sorted = items
    .map((item) => rowOf(ctx, item))
    .sort((one, two) => (one.content_hash < two.content_hash ? -1 : 1));
  const rows = new Map(sorted.map((row) => [row.content_hash, row]));
  try {
    await ctx.db.savepoint(() => insertNew(ctx, rows));
  } catch (error) {
    // The same request came twice at once; the other's rows are there now.
    if (!(error instanceof UniqueViolation)) throw error;
    await insertNew(ctx, rows);
  }
}

async function insertNew(ctx: TenantContext, rows: Map<string, Kept>): Promise<void> {
  const { marks, params } = listOf([...rows.keys()]);
  const sql = `SELECT content_hash FROM sync_quarantine WHERE tenant_id = ? AND content_hash IN ${marks}`;
  const known = await ctx.db.query<{ content_hash: string }>(sql, [ctx.tenant.id, ...params]);
  const there = new Set(known.map(({ content_hash }) => content_hash));
  const missing = [...rows.values()].filter(({ content_hash }) => !there.has(content_hash));
  await ctx.db.insertMany('sync_quarantine', missing);
}

type Kept = ReturnType<typeof rowOf>;

function rowOf(ctx: TenantContext, { kind, item, reason }: Unstorable) {
  const now = timestamp(ctx);
  const raw = JSON.stringify(item);
  return {
    tenant_id: ctx.tenant.id,
    kind,
    content_hash: sha256(`${kind}\n${raw}`),
    raw,
    reason: storable(reason),
    device: ctx.device ?? null,
    actor_label: ctx.actor.label,
    created_at: now,
    updated_at: now,
  };
}
