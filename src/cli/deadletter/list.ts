import type { Run } from '../command.ts';
import { table } from '../output.ts';
import { withSite } from '../site.ts';
import { contextOf, type SelectionFlags, selectionOf } from './selection.ts';

export const run: Run<SelectionFlags & { limit: number }> = ({ flags, out }) =>
  withSite(flags, async (site) => {
    const { deadLetters } = await import('../../domain/webhooks/service.ts');
    const ctx = await contextOf(site, flags);
    const found = await deadLetters.list(ctx, await selectionOf(ctx, [], flags), flags.limit);
    const rows = found.map(({ id, tenant_id, endpoint_name, name, reason, attempts, dead_lettered_at, error }) => [
      String(id),
      tenant_id,
      endpoint_name,
      name,
      reason,
      attempts,
      dead_lettered_at,
      error.length > 60 ? `${error.slice(0, 59)}…` : error,
    ]);
    const headings = ['ID', 'TENANT', 'ENDPOINT', 'WHAT', 'REASON', 'ATTEMPTS', 'GIVEN UP', 'ERROR'];
    out.result(found, () => table(headings, rows));
    return undefined;
  });
