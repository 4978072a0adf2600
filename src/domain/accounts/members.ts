/** The users of one tenant, kept by its admins. A row is the membership; the person behind it may be in others too. */
import { z } from 'zod';
import { Conflict, Forbidden, Invalid } from '../../base/errors.ts';
import { type TenantContext, timestamp } from '../../db/context.ts';
import { UniqueViolation } from '../../db/errors.ts';
import * as changes from '../../queue/changes.ts';
import { defineResource, type Fields, type RowOf } from '../../resource/define.ts';
import { flag, optionalInstant, reference, text } from '../../resource/fields.ts';
import { roleNames } from '../../resource/roles.ts';
import { guarded, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { raiseVersion } from './access.ts';
import { revokeSessions } from './sessions.ts';
import {
  hashOf,
  insertMembership,
  insertUser,
  letIn,
  person,
  requireAdmin,
  storePassword,
  userNamed,
  usernameField,
} from './users.ts';

/** `members` is a view over memberships and users. */
export const members = defineResource({
  name: 'member',
  path: 'members',
  table: 'members',
  area: 'accounts',
  fields: z.object({
    username: usernameField,
    ...person,
    password: z.string().max(1_024).optional(),
    role: z.enum(roleNames),
    badge_code: text(80).nullable().default(null),
    is_active: flag(true),
  }),
  writeOnly: ['password'],
  readOnly: z.object({ user: reference(), last_login_at: optionalInstant() }),
  // Says that the column is user_id; a client never writes it.
  refs: { user: { table: 'users', label: 'User' } },
  search: ['username', 'full_name', 'email', 'badge_code'],
  ordering: ['username', 'role'],
  order: 'username',
  filters: ['role', 'is_active', 'username', 'badge_code'],
});

type MemberRow = RowOf<typeof members>;
type MemberFields = Fields<typeof members>;

export const servedMembers = serve(members, { create, update, remove });

/** The active member with this badge, for whoever scanned it: asks no permission, and tells no more than a name. */
export async function memberByBadge(
  ctx: TenantContext,
  badge: string,
): Promise<{ user: number; name: string } | undefined> {
  const row = await store.findBy(ctx, members, 'badge_code', badge);
  return row?.is_active ? { user: row.user, name: row.full_name || row.username } : undefined;
}

/** The badges of active members, by name; for an admin alone. */
export const badges = (ctx: TenantContext): Promise<{ code: string; name: string }[]> =>
  guarded(ctx, 'accounts', 'view', async (inside) => {
    const sql = `SELECT ${members.selection} FROM members WHERE tenant_id = ? AND badge_code IS NOT NULL ORDER BY username`;
    const rows = (await inside.db.query(sql, [inside.tenant.id])).map((row) => store.decode(members, row));
    return rows.flatMap(({ badge_code: code, full_name, username, is_active }) =>
      code && is_active ? [{ code, name: full_name || username }] : [],
    );
  });

async function create(ctx: TenantContext, values: MemberFields): Promise<MemberRow> {
  const { username, full_name, email, password, role, badge_code, is_active } = values;
  const known = await userNamed(ctx, username);
  // A person of another tenant is not a tenant's admin to claim.
  if (known && !ctx.actor.superuser)
    throw new Conflict('This user name is taken. Choose another, or ask who looks after the site.');
  if (!known && password === undefined) throw new Invalid({ password: ['This field is required.'] });
  const user =
    known ??
    (await insertUser(ctx, { username, full_name, email, hash: await hashOf(password!, username), superuser: false }));
  if (known) await letIn(ctx, known.id);
  const id = await unlessBadgeTaken(() => insertMembership(ctx, { user: user.id, role, badge_code, is_active }));
  await raiseVersion(ctx);
  return store.get(ctx, members, id);
}

async function update(ctx: TenantContext, row: MemberRow, wanted: Partial<MemberFields>): Promise<MemberRow> {
  if (wanted.username !== undefined && wanted.username !== row.username)
    throw new Invalid({ username: ['A user name cannot be changed. Add a new member.'] });
  const { full_name = row.full_name, email = row.email, password } = wanted;
  if (password !== undefined || full_name !== row.full_name || email !== row.email) await requireOwn(ctx, row);
  if (password !== undefined) await storePassword(ctx, row.user, await hashOf(password, row.username));
  const now = timestamp(ctx);
  await ctx.db.execute('UPDATE users SET full_name = ?, email = ?, updated_at = ? WHERE id = ?', [
    full_name,
    email,
    now,
    row.user,
  ]);
  const { role = row.role, is_active = row.is_active } = wanted;
  const badge = wanted.badge_code === undefined ? row.badge_code : wanted.badge_code;
  const sql = 'UPDATE memberships SET role = ?, badge_code = ?, is_active = ?, updated_at = ? WHERE id = ?';
  await unlessBadgeTaken(() => ctx.db.execute(sql, [role, badge, is_active, now, row.id]));
  changes.append(ctx, { entity: members.entity, entity_id: row.id, op: 'update', fields: Object.keys(wanted) });
  if (row.role === 'admin' && row.is_active) await requireAdmin(ctx, ctx.tenant);
  await raiseVersion(ctx);
  return store.get(ctx, members, row.id);
}

/** The person stays for the history, and is shut out when this was the last tenant. */
async function remove(ctx: TenantContext, row: MemberRow): Promise<void> {
  const held = 'SELECT COUNT(*) AS count FROM assets WHERE tenant_id = ? AND assigned_to_id = ?';
  const [{ count }] = (await ctx.db.query<{ count: number }>(held, [ctx.tenant.id, row.user])) as [{ count: number }];
  if (count > 0)
    throw new Conflict(`Assets are assigned to this member (${count}). Check them in or assign them to others first.`);
  await ctx.db.execute('DELETE FROM memberships WHERE id = ?', [row.id]);
  changes.append(ctx, { entity: members.entity, entity_id: row.id, op: 'delete', fields: [] });
  if (row.role === 'admin' && row.is_active) await requireAdmin(ctx, ctx.tenant);
  if ((await membershipsOf(ctx, row.user)) === 0) await shutOut(ctx, row.user);
  await raiseVersion(ctx);
}

async function shutOut(ctx: TenantContext, user: number): Promise<void> {
  const sql = 'UPDATE users SET is_active = ?, updated_at = ? WHERE id = ? AND is_superuser = ?';
  const changed = await ctx.db.execute(sql, [false, timestamp(ctx), user, false]);
  if (changed > 0) await revokeSessions(ctx, user);
}

/** Forbidden when the person is more than this tenant's: its admin could else take over an account elsewhere. */
async function requireOwn(ctx: TenantContext, row: MemberRow): Promise<void> {
  if (ctx.actor.superuser) return;
  const [user] = await ctx.db.query<{ is_superuser: boolean }>('SELECT is_superuser FROM users WHERE id = ?', [
    row.user,
  ]);
  if (user?.is_superuser || (await membershipsOf(ctx, row.user)) > 1)
    throw new Forbidden('This person belongs to other tenants too, so only a superuser may change name or password.');
}

async function membershipsOf(ctx: TenantContext, user: number): Promise<number> {
  const rows = await ctx.db.query<{ count: number }>('SELECT COUNT(*) AS count FROM memberships WHERE user_id = ?', [
    user,
  ]);
  return rows[0]!.count;
}

async function unlessBadgeTaken<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UniqueViolation) || !error.index.includes('badge_code')) throw error;
    throw new Conflict('Another member with this badge_code already exists.', { cause: error });
  }
}
