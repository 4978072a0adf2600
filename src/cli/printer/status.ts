import type { GlobalFlags, Run } from '../command.ts';
import { table } from '../output.ts';
import { withSite } from '../site.ts';

export const run: Run<{ tenant: string } & GlobalFlags> = ({ args, flags, out }) =>
  withSite(flags, async (site) => {
    const printers = await import('../../domain/printers/service.ts');
    const ctx = await site.inTenant(flags.tenant);
    const [name] = args;
    const rows =
      name === undefined
        ? (await printers.served.list(ctx, { page_size: '500' })).rows
        : [await printers.named(ctx, name)];
    const found = await Promise.all(rows.map(({ id }) => printers.status(ctx, id)));
    const cells = found.map((one) => [one.name, one.state, one.reasons.join(', '), one.queued, one.held, one.message]);
    out.result(name === undefined ? found : found[0], () =>
      table(['NAME', 'STATE', 'WHY', 'QUEUED', 'IN IT', 'WHAT TO DO'], cells),
    );
    return found.some(({ state }) => state === 'blocked') ? 1 : undefined;
  });
