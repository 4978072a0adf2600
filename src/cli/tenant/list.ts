import type { GlobalFlags, Run } from '../command.ts';
import { table } from '../output.ts';
import { withSite } from '../site.ts';

export const run: Run<GlobalFlags> = ({ flags, out }) =>
  withSite(flags, async ({ ctx }) => {
    const accounts = await import('../../domain/accounts/service.ts');
    const tenants = await accounts.listTenants(ctx);
    out.result(tenants, () =>
      table(
        ['ID', 'SLUG', 'NAME', 'ACTIVE'],
        tenants.map(({ id, slug, name, is_active }) => [id, slug, name, is_active]),
      ),
    );
    return undefined;
  });
