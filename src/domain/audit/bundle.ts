/** A tenant's chain as text that can be checked without the database: a JSON line for each record, oldest first. */
import type { TenantContext } from '../../db/context.ts';
import * as changes from '../../queue/changes.ts';

/** A record as templates/audit/verify.mjs reads it. */
export interface ExportedRecord {
  sequence: number;
  id: number;
  previous_seal: string;
  seal: string;
  /** Null for a record that is gone. */
  checksum: string | null;
  body: string | null;
}

const page = 2_000;

export async function* linesOf(ctx: TenantContext): AsyncGenerator<string> {
  await changes.catchUp(ctx);
  const sql =
    'SELECT s.seq AS sequence, s.history_id AS id, s.prev_hash AS previous_seal, s.hash AS seal, h.checksum, h.body ' +
    'FROM history_seals s LEFT JOIN asset_state_history h ON h.id = s.history_id ' +
    'WHERE s.tenant_id = ? AND s.seq > ? ORDER BY s.seq LIMIT ?';
  for (let after = 0; ; ) {
    const records = await ctx.db.query<ExportedRecord>(sql, [ctx.tenant.id, after, page]);
    if (records.length > 0) yield records.map((record) => `${JSON.stringify(record)}\n`).join('');
    if (records.length < page) return;
    after = records.at(-1)!.sequence;
  }
}
