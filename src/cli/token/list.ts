import type { GlobalFlags, Run } from '../command.ts';
import { table } from '../output.ts';
import { withSite } from '../site.ts';

export const run: Run<{ tenant?: string } & GlobalFlags> = ({ flags, out }) =>
  withSite(flags, async (site) => {
    const accounts = await import('../../domain/accounts/service.ts');
    const tokens = await accounts.listTokens(flags.tenant ? await site.inTenant(flags.tenant) : site.ctx);
    const rows = tokens.map(({ id, tenant, name, role, prefix, last_used_at, revoked_at }) => [
      id,
      tenant,
      name,
      role,
      `${prefix}…`,
      last_used_at,
      revoked_at,
    ]);
    out.result(tokens, () => table(['ID', 'TENANT', 'NAME', 'ROLE', 'TOKEN', 'LAST USED', 'REVOKED'], rows));
    return undefined;
  });
