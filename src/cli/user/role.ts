import type { Role } from '../../db/context.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';

export const run: Run<{ tenant: string; role: Role } & GlobalFlags> = ({ args, flags, out }) =>
  withSite(flags, async (site) => {
    const accounts = await import('../../domain/accounts/service.ts');
    const inside = await site.inTenant(flags.tenant);
    const { id } = await accounts.requireUser(site.ctx, args[0]!);
    await accounts.setRole(inside, id, flags.role);
    const document = { user_id: id, tenant_id: inside.tenant.id, role: flags.role };
    out.result(document, () => `${args[0]} is now ${flags.role} in ${inside.tenant.slug}.`);
    return undefined;
  });
