import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';

export const run: Run<GlobalFlags> = ({ args, flags, out }) =>
  withSite(flags, async ({ ctx }) => {
    const accounts = await import('../../domain/accounts/service.ts');
    const tenant = await accounts.disableTenant(ctx, args[0]!);
    out.result({ tenant_id: tenant.id, is_active: false }, () => `Tenant ${tenant.slug} is shut. Its data stays.`);
    return undefined;
  });
