import type { Role } from '../../db/context.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';

export const run: Run<{ tenant: string; role: Role } & GlobalFlags> = ({ args, flags, out }) =>
  withSite(flags, async (site) => {
    const accounts = await import('../../domain/accounts/service.ts');
    const created = await accounts.addToken(await site.inTenant(flags.tenant), { name: args[0]!, role: flags.role });
    const { id, name, role, tenant, token } = created;
    out.result({ token_id: id, tenant_id: tenant, name, role, token }, () => `Token ${id}, shown this once:\n${token}`);
    return undefined;
  });
