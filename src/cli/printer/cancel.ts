import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';

export const run: Run<{ tenant: string; job?: number } & GlobalFlags> = ({ args, flags, out }) =>
  withSite(flags, async (site) => {
    const printers = await import('../../domain/printers/service.ts');
    const ctx = await site.inTenant(flags.tenant);
    const { id, name } = await printers.named(ctx, args[0]!);
    const { print_jobs } = await printers.cancel(ctx, id, { print_job: flags.job });
    out.result({ printer_id: id, print_jobs }, () =>
      print_jobs.length === 0 ? `${name} has no print job.` : `Cancelled print job ${print_jobs.join(', ')}.`,
    );
    return undefined;
  });
