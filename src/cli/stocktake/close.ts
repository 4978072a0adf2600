import type { StocktakeReport } from '../../domain/stocktake/service.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';
import { idOf, sessionOf } from './session.ts';

export const run: Run<{ tenant?: string } & GlobalFlags> = ({ args, flags, out }) => {
  const id = idOf(args[0]);
  return withSite(flags, async (site) => {
    const { ctx } = await sessionOf(site, id, flags.tenant);
    const stocktake = await import('../../domain/stocktake/service.ts');
    const { status } = await stocktake.close(ctx, id);
    const { totals } = await stocktake.reportOf(ctx, id);
    out.result({ session_id: id, status, totals }, () => summary(id, totals));
    return undefined;
  });
};

const summary = (
  id: number,
  { expected, found, missing, moved, unexpected, unknown }: StocktakeReport['totals'],
): string =>
  `Closed session ${id}: ${found} found and ${missing} missing of ${expected} expected; ${moved} belong elsewhere, ` +
  `${unexpected} are retired or lost, ${unknown} codes are unknown.\nNext: assetra stocktake report ${id}`;
