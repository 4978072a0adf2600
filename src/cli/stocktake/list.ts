import type { GlobalFlags, Run } from '../command.ts';
import { table } from '../output.ts';
import { withSite } from '../site.ts';

export const run: Run<{ tenant: string } & GlobalFlags> = ({ flags, out }) =>
  withSite(flags, async (site) => {
    const ctx = await site.inTenant(flags.tenant);
    const stocktake = await import('../../domain/stocktake/service.ts');
    const { rows } = await stocktake.served.list(ctx, { page_size: '500' });
    const cells = rows.map(({ id, name, status, opened_at, closed_at }) => [id, name, status, opened_at, closed_at]);
    out.result(rows, () => table(['ID', 'NAME', 'STATUS', 'OPENED', 'CLOSED'], cells));
    return undefined;
  });
