import type { GlobalFlags, Run } from '../command.ts';
import { table } from '../output.ts';
import { withSite } from '../site.ts';
import { brief, pageSize, rest } from './page.ts';

interface Flags extends GlobalFlags {
  tenant: string;
  device?: string;
  limit: number;
}

const kinds = { scan_event: 'scan', asset_change: 'edit' };

export const run: Run<Flags> = ({ flags: { tenant, device, limit, ...flags }, out }) =>
  withSite(flags, async (site) => {
    const page_size = pageSize(limit);
    const ctx = await site.inTenant(tenant);
    const sync = await import('../../domain/sync/service.ts');
    const { rows, count } = await sync.servedQuarantine.list(ctx, { page_size, device });
    const cells = rows.map((row) => [
      row.id,
      kinds[row.kind],
      brief(row.raw),
      brief(row.reason, 60),
      row.device,
      row.actor_label,
      row.created_at,
    ]);
    const headings = ['ID', 'KIND', 'SENT', 'WHY NOT STORED', 'DEVICE', 'BY', 'CAME'];
    out.result(rows, () => table(headings, cells) + rest(count, rows.length));
    return undefined;
  });
