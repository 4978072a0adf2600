import type { GlobalFlags, Run } from '../command.ts';
import { table } from '../output.ts';
import { withSite } from '../site.ts';

export const run: Run<{ tenant?: string } & GlobalFlags> = ({ flags, out }) =>
  withSite(flags, async (site) => {
    const accounts = await import('../../domain/accounts/service.ts');
    const users = await accounts.listUsers(flags.tenant ? await site.inTenant(flags.tenant) : site.ctx);
    const rows = users.map(({ id, username, memberships, is_superuser, is_active, last_login_at }) => [
      id,
      username,
      is_superuser ? 'superuser' : memberships.map(({ tenant, role }) => `${tenant}: ${role}`).join(', '),
      is_active,
      last_login_at,
    ]);
    out.result(users, () => table(['ID', 'USER', 'ROLES', 'ACTIVE', 'LAST LOG-IN'], rows));
    return undefined;
  });
