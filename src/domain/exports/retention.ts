/** Exports that have had their time, and files that belong to none. */
import type { Context } from '../../db/context.ts';
import type { Db } from '../../db/database.ts';
import { pruneRows } from '../../db/prune.ts';
import * as files from './files.ts';

/** Rows that have expired, and those without a file that ended before that moment. Their files are swept. */
export async function prune(db: Db, now: string, ended: string): Promise<void> {
  await pruneRows(db, 'exports', "status = 'done' AND expires_at < ?", [now]);
  await pruneRows(db, 'exports', "status IN ('failed', 'cancelled') AND finished_at < ?", [ended]);
}

/** Files on this machine that no export has or is writing; answers how many went. */
export const sweep = (ctx: Context): Promise<number> =>
  files.sweep(ctx, async (id, name) => {
    const sql = "SELECT run, format FROM exports WHERE id = ? AND status IN ('running', 'done')";
    const [row] = await ctx.db.query<{ run: string; format: string }>(sql, [id]);
    return row !== undefined && name === `${id}-${row.run}.${row.format}`;
  });
