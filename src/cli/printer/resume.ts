import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';

export const run: Run<{ tenant: string; job?: number; from?: number } & GlobalFlags> = ({ args, flags, out }) =>
  withSite(flags, async (site) => {
    const printers = await import('../../domain/printers/service.ts');
    const ctx = await site.inTenant(flags.tenant);
    const { id, name } = await printers.named(ctx, args[0]!);
    const { labels } = await printers.resume(ctx, id, { print_job: flags.job, from: flags.from });
    out.result({ printer_id: id, labels }, () =>
      labels === 0
        ? `No label of ${name} is to be printed again. It is tried now if it has something to print.`
        : `${labels} ${labels === 1 ? 'label is' : 'labels are'} printed again.`,
    );
    return undefined;
  });
