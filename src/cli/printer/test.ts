import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';
import { followed } from './follow.ts';

export const run: Run<{ tenant: string; template?: string; wait: boolean } & GlobalFlags> = ({ args, flags, out }) =>
  withSite(flags, async (site) => {
    const printers = await import('../../domain/printers/service.ts');
    const ctx = await site.inTenant(flags.tenant);
    const { id } = await printers.named(ctx, args[0]!);
    const job = await printers.test(ctx, id, flags.template);
    return followed(site, ctx, job, flags.wait, out);
  });
