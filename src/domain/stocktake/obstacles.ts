/** Why a correction is not made any more: between the count and its reconciliation, life at the site goes on. */

import type { TenantContext } from '../../db/context.ts';
import { listOf } from '../../db/lists.ts';
import type { AssetRow } from '../assets/service.ts';
import type { actions, LineRow, SessionRow } from './resource.ts';

interface Case {
  line: LineRow;
  asset: AssetRow;
  /** Chosen for this asset, and not only for all. */
  named: boolean;
  /** Scanned by anyone after the close. */
  seen: boolean;
}

/** A sentence, or null when the correction can be made. */
export function obstacleTo(action: (typeof actions)[number], { line, asset, named, seen }: Case): string | null {
  if (line.correction !== null) return `Corrected before: ${line.correction}.`;
  if (action === 'ignore') return null;
  if (asset.current_location !== line.recorded_location) return 'It was moved after the close.';
  if (action === 'move') return null;
  if (asset.status === 'lost' || asset.status === 'retired') return `It is ${asset.status} already.`;
  if (seen) return 'It was scanned after the close.';
  // Its record still has it here, but someone has it: a search comes before a loss.
  if (asset.checked_out_at && !named) return 'It is checked out. Name it to mark it lost all the same.';
  return null;
}

/** Those of the assets that were scanned after the close. */
export async function seenSince(ctx: TenantContext, session: SessionRow, assets: number[]): Promise<Set<number>> {
  if (assets.length === 0) return new Set();
  const { marks, params } = listOf(assets);
  const sql = `SELECT DISTINCT asset_id FROM scan_events WHERE asset_id IN ${marks} AND created_at >= ?`;
  const rows = await ctx.db.query<{ asset_id: number }>(sql, [...params, session.closed_at]);
  return new Set(rows.map(({ asset_id }) => asset_id));
}
