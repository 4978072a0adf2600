/** Why a correction is not made any more: between the count and its reconciliation, life at the site goes on. */

import type { TenantContext } from '../../db/context.ts';
import { listOf } from '../../db/lists.ts';
import type { AssetRow } from '../assets/service.ts';
import type { actions, LineRow, SessionRow } from './resource.ts';

interface Case {
  line: LineRow;
  /** Undefined when it was deleted a moment ago. */
  asset: AssetRow | undefined;
  /** Chosen for this asset, and not only for all. */
  named: boolean;
  /** What someone did with it after the close: it was there to be done. */
  since: Sign | undefined;
}

/** A sentence, or null when the correction can be made. */
export function obstacleTo(action: (typeof actions)[number], { line, asset, named, since }: Case): string | null {
  if (line.correction !== null) return `Corrected before: ${line.correction}.`;
  if (!asset) return 'It was deleted.';
  if (action === 'ignore') return null;
  if (asset.current_location !== line.recorded_location) return 'It was moved after the close.';
  if (action === 'move') return null;
  if (asset.status === 'lost' || asset.status === 'retired') return `It is ${asset.status} already.`;
  if (since) return `It was ${since} after the close.`;
  // Its record still has it here, but someone has it: a search comes before a loss.
  if (asset.checked_out_at && !named) return 'It is checked out. Name it to mark it lost all the same.';
  return null;
}

const signs = { assign: 'checked out or in', inspect: 'inspected', maintain: 'maintained' } as const;
type Sign = 'scanned' | (typeof signs)[keyof typeof signs];

/** What shows that an asset was seen after the close: a scan of it, or work that cannot be done without it. */
export async function signsSince(
  ctx: TenantContext,
  session: SessionRow,
  assets: number[],
): Promise<Map<number, Sign>> {
  const found = new Map<number, Sign>();
  if (assets.length === 0) return found;
  const { marks, params } = listOf(assets);
  const handled =
    'SELECT DISTINCT asset_id, event_type FROM asset_state_history WHERE tenant_id = ? ' +
    `AND asset_id IN ${marks} AND created_at >= ? AND event_type IN ('assign', 'inspect', 'maintain')`;
  const acts = await ctx.db.query<{ asset_id: number; event_type: keyof typeof signs }>(handled, [
    ctx.tenant.id,
    ...params,
    session.closed_at,
  ]);
  for (const { asset_id, event_type } of acts) found.set(asset_id, signs[event_type]);
  const scanned = `SELECT DISTINCT asset_id FROM scan_events WHERE asset_id IN ${marks} AND created_at >= ?`;
  const scans = await ctx.db.query<{ asset_id: number }>(scanned, [...params, session.closed_at]);
  for (const { asset_id } of scans) found.set(asset_id, 'scanned');
  return found;
}
