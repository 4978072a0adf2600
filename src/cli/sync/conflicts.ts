import type { GlobalFlags, Run } from '../command.ts';
import { table } from '../output.ts';
import { withSite } from '../site.ts';
import { brief, pageSize, rest } from './page.ts';

interface Flags extends GlobalFlags {
  tenant: string;
  state?: string;
  asset?: string;
  device?: string;
  limit: number;
}

export const run: Run<Flags> = ({ flags: { tenant, asset: tag, state, device, limit, ...flags }, out }) =>
  withSite(flags, async (site) => {
    const page_size = pageSize(limit);
    const ctx = await site.inTenant(tenant);
    const sync = await import('../../domain/sync/service.ts');
    const assets = await import('../../domain/assets/service.ts');
    const asset = tag === undefined ? undefined : String((await assets.byTag(ctx, tag)).id);
    const { rows, count } = await sync.servedConflicts.list(ctx, { page_size, state, asset, device });
    const tags = await assets.byIds(ctx, [...new Set(rows.map((row) => row.asset))]);
    const cells = rows.map((row) => [
      row.id,
      tags.get(row.asset)?.asset_tag ?? `deleted (${row.asset})`,
      row.field,
      brief(row.local_value),
      brief(row.server_value),
      row.winner,
      row.device,
      row.created_at,
      row.resolution ?? 'open',
    ]);
    const headings = ['ID', 'ASSET', 'FIELD', 'OF THE DEVICE', 'OF THE SERVER', 'WINNER', 'DEVICE', 'NOTED', 'STATE'];
    out.result(rows, () => table(headings, cells) + rest(count, rows.length));
    return undefined;
  });
