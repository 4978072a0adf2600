import type { GlobalFlags, Run } from '../command.ts';
import { table } from '../output.ts';
import { withSite } from '../site.ts';

export const run: Run<{ tenant: string } & GlobalFlags> = ({ flags, out }) =>
  withSite(flags, async (site) => {
    const printers = await import('../../domain/printers/service.ts');
    const ctx = await site.inTenant(flags.tenant);
    const { rows } = await printers.served.list(ctx, { page_size: '500' });
    const cells = rows.map(({ id, name, url, model, dpi, state, message }) => [
      id,
      name,
      url,
      model,
      dpi,
      state,
      message,
    ]);
    out.result(rows, () => table(['ID', 'NAME', 'URL', 'MODEL', 'DPI', 'STATE', 'WHAT'], cells));
    return undefined;
  });
