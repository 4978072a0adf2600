import type { GlobalFlags, Run } from '../command.ts';
import { table } from '../output.ts';
import { withSite } from '../site.ts';

export const run: Run<{ tenant: string } & GlobalFlags> = ({ flags, out }) =>
  withSite(flags, async (site) => {
    const batches = await import('../../domain/batches/service.ts');
    const ctx = await site.inTenant(flags.tenant);
    const { rows } = await batches.served.list(ctx, { page_size: '500', ordering: '-id' });
    const cells = rows.map((batch) => {
      const first = `${batch.prefix}${batch.start_sequence}`;
      const last = `${batch.prefix}${batch.end_sequence}`;
      return [batch.id, first, last, batch.end_sequence - batch.start_sequence + 1, batch.status, batch.created_at];
    });
    out.result(rows, () => table(['ID', 'FIRST', 'LAST', 'LABELS', 'STATUS', 'CREATED'], cells));
    return undefined;
  });
