import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';

export const run: Run<{ tenant: string } & GlobalFlags> = ({ args, flags, out }) =>
  withSite(flags, async (site) => {
    const templates = await import('../../domain/templates/service.ts');
    const template = await templates.named(await site.inTenant(flags.tenant), args[0]!);
    out.result(template, () => JSON.stringify(template, null, 2));
    return undefined;
  });
