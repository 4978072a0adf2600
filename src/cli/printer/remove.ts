import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';

export const run: Run<{ tenant: string } & GlobalFlags> = ({ args, flags, out }) =>
  withSite(flags, async (site) => {
    const printers = await import('../../domain/printers/service.ts');
    const ctx = await site.inTenant(flags.tenant);
    const { id, name } = await printers.named(ctx, args[0]!);
    await printers.served.remove(ctx, id);
    out.result({ printer_id: id, name }, () => `Forgot ${name}.`);
    return undefined;
  });
