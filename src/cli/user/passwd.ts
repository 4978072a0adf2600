import type { GlobalFlags, Run } from '../command.ts';
import { readPassword } from '../prompts.ts';
import { withSite } from '../site.ts';

export const run: Run<{ passwordStdin?: boolean } & GlobalFlags> = ({ args, flags, out }) =>
  withSite(flags, async ({ ctx }) => {
    const accounts = await import('../../domain/accounts/service.ts');
    const username = args[0]!;
    const { id } = await accounts.requireUser(ctx, username);
    const password = await readPassword({ passwordStdin: flags.passwordStdin, label: `New password of ${username}` });
    await accounts.setPassword(ctx, id, password);
    out.result({ user_id: id }, () => `The password of ${username} is changed; open sessions have ended.`);
    return undefined;
  });
