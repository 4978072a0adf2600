import { ConfigError } from '../../base/errors.ts';
import type { Role } from '../../db/context.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { readPassword } from '../prompts.ts';
import { withSite } from '../site.ts';

interface Flags extends GlobalFlags {
  tenant?: string;
  role?: Role;
  superuser?: boolean;
  passwordStdin?: boolean;
}

export const run: Run<Flags> = ({ args, flags, out }) => {
  const { tenant, role, superuser = false } = flags;
  if (!superuser && (!tenant || !role)) throw new ConfigError('Give --tenant and --role, or --superuser.');
  if (Boolean(tenant) !== Boolean(role)) throw new ConfigError('--tenant and --role go together.');
  return withSite(flags, async (site) => {
    const accounts = await import('../../domain/accounts/service.ts');
    const username = args[0]!;
    const inside = tenant ? await site.inTenant(tenant) : site.ctx;
    const known = await accounts.userNamed(site.ctx, username);
    const password =
      known && !flags.passwordStdin
        ? undefined
        : await readPassword({ passwordStdin: flags.passwordStdin, label: `Password of ${username}` });
    const user = await accounts.addUser(inside, { username, password, role, superuser });
    const document = {
      user_id: user.id,
      username,
      tenant_id: inside.tenant?.id ?? null,
      role: role ?? null,
      is_superuser: superuser,
    };
    out.result(
      document,
      () => `${known ? 'Added' : 'Created'} user ${username} (${user.id})${role ? ` as ${role}` : ''}.`,
    );
    return undefined;
  });
};
