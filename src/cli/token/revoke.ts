import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';

export const run: Run<{ tenant?: string } & GlobalFlags> = ({ args, flags, out }) =>
  withSite(flags, async (site) => {
    const accounts = await import('../../domain/accounts/service.ts');
    const token = await accounts.revokeToken(flags.tenant ? await site.inTenant(flags.tenant) : site.ctx, args[0]!);
    out.result({ token_id: token.id, revoked_at: token.revoked_at }, () => `Token ${token.name} is revoked.`);
    return undefined;
  });
