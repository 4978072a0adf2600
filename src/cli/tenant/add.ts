import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';

export const run: Run<{ slug?: string } & GlobalFlags> = ({ args, flags, out }) =>
  withSite(flags, async ({ ctx }) => {
    const accounts = await import('../../domain/accounts/service.ts');
    const tenant = await accounts.addTenant(ctx, { name: args[0]!, slug: flags.slug });
    out.result(
      { tenant_id: tenant.id, name: tenant.name, slug: tenant.slug },
      () => `Created tenant ${tenant.id} (${tenant.slug}).`,
    );
    return undefined;
  });
