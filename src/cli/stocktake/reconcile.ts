import { ConfigError, NotFound } from '../../base/errors.ts';
import type { TenantContext } from '../../db/context.ts';
import type { ReconcileResult } from '../../domain/stocktake/service.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { table } from '../output.ts';
import { withSite } from '../site.ts';
import { idOf, sessionOf } from './session.ts';

interface Flags extends GlobalFlags {
  tenant?: string;
  applyMoves?: boolean;
  markLost?: boolean;
  move?: string[];
  lost?: string[];
  ignore?: string[];
  dryRun?: boolean;
}

export const run: Run<Flags> = ({ args, flags, out }) => {
  const id = idOf(args[0]);
  const { applyMoves = false, markLost = false, dryRun = false, move = [], lost = [], ignore = [] } = flags;
  const chosen = applyMoves || markLost || move.length + lost.length + ignore.length > 0;
  if (!chosen)
    throw new ConfigError(
      'Choose what to correct: --apply-moves, --mark-lost, --move, --lost or --ignore; --dry-run shows it first.',
    );
  return withSite(flags, async (site) => {
    const { ctx } = await sessionOf(site, id, flags.tenant);
    const stocktake = await import('../../domain/stocktake/service.ts');
    const corrections = [
      ...(await named(ctx, move, 'move')),
      ...(await named(ctx, lost, 'mark_lost')),
      ...(await named(ctx, ignore, 'ignore')),
    ];
    const body = { corrections, apply_moves: applyMoves, mark_lost: markLost, dry_run: dryRun };
    const result = await stocktake.reconcile(ctx, id, body);
    out.result(result, () => textOf(result));
    return undefined;
  });
};

async function named(ctx: TenantContext, tags: string[], action: string): Promise<{ asset: number; action: string }[]> {
  const assets = await import('../../domain/assets/service.ts');
  const chosen: { asset: number; action: string }[] = [];
  for (const tag of tags) {
    const asset = await assets.byTag(ctx, tag).catch((error: unknown) => {
      throw error instanceof NotFound ? new NotFound(`No asset has the tag ${tag}. Nothing was corrected.`) : error;
    });
    chosen.push({ asset: asset.id, action });
  }
  return chosen;
}

const words = { move: 'move here', mark_lost: 'mark lost', ignore: 'ignore' };

function textOf({ dry_run, moved, marked_lost, ignored, skipped, left_open, corrections }: ReconcileResult): string {
  const cells = corrections.map(({ asset_tag, outcome, action, applied, reason }) => [
    asset_tag,
    outcome,
    words[action],
    applied ? (dry_run ? 'would be done' : 'done') : 'skipped',
    reason ?? '',
  ]);
  const sums = `${moved} moved here, ${marked_lost} marked lost, ${ignored} ignored, ${skipped} skipped; ${left_open} left open`;
  const summary = dry_run ? `Nothing was changed. This would be: ${sums}.` : `${sums}.`;
  return cells.length > 0 ? `${table(['TAG', 'WAS', 'CORRECTION', '', 'WHY'], cells)}\n\n${summary}` : summary;
}
