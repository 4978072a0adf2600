import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';

export const run: Run<GlobalFlags> = ({ args, flags, out }) =>
  withSite(flags, async ({ ctx }) => {
    const accounts = await import('../../domain/accounts/service.ts');
    const { id } = await accounts.requireUser(ctx, args[0]!);
    await accounts.disableUser(ctx, id);
    out.result({ user_id: id, is_active: false }, () => `${args[0]} is shut out.`);
    return undefined;
  });
