/** What others may ask of accounts: who calls, tenants, users, members and tokens. */
import { z } from 'zod';
import type { TenantContext } from '../../db/context.ts';
import { type Context, timestamp } from '../../db/context.ts';
import { canWrite, roleNames } from '../../resource/roles.ts';
import type { Operation } from '../../resource/serve.ts';
import { servedTokens } from './api-tokens.ts';
import { servedMembers } from './members.ts';

export { type Access, createAccess, type Principal, raiseVersion } from './access.ts';
export { addToken, listTokens, renewToken, revokeToken } from './api-tokens.ts';
export { type AccessSettings, accessSettings } from './keys.ts';
export * as guesses from './login-limit.ts';
export { badges, memberByBadge } from './members.ts';
export { checkPassword } from './passwords.ts';
export { Login, RefreshBody, TokenPair } from './sessions.ts';
export {
  activeTenant,
  addTenant,
  disableTenant,
  findTenant,
  listTenants,
  tenantOf,
  tenants,
  tenantsOf,
} from './tenants.ts';
export { addUser, disableUser, listUsers, requireUser, setPassword, setRole, userNamed } from './users.ts';

export const accountOperations: Operation[] = [...servedMembers.operations, ...servedTokens.operations];

export const SessionContext = z.object({
  username: z.string(),
  tenant_id: z.string(),
  role: z.enum(roleNames),
  can_write: z.boolean(),
});

/** Who one is in the tenant. A superuser counts as its admin. */
export const sessionContext = ({ actor, tenant }: TenantContext): z.output<typeof SessionContext> => ({
  username: actor.label,
  tenant_id: String(tenant.id),
  role: actor.role ?? 'admin',
  can_write: canWrite(actor),
});

const dayLong = 24 * 3_600_000;

/** Removes what has run out: refresh tokens, idempotency keys after a day, and old log-in failures. */
export async function purgeExpired(ctx: Context): Promise<void> {
  const dayAgo = new Date(ctx.now().getTime() - dayLong).toISOString();
  await ctx.db.execute('DELETE FROM refresh_tokens WHERE expires_at < ?', [timestamp(ctx)]);
  await ctx.db.execute('DELETE FROM idempotency_keys WHERE created_at < ?', [dayAgo]);
  await ctx.db.execute('DELETE FROM login_attempts WHERE updated_at < ?', [dayAgo]);
}
