/** Users across tenants, as the shell keeps them. */
import { z } from 'zod';
import { Conflict, Invalid, NotFound } from '../../base/errors.ts';
import {
  type Context,
  inTransaction,
  type Role,
  type Tenant,
  type TenantContext,
  timestamp,
} from '../../db/context.ts';
import * as changes from '../../queue/changes.ts';
import { optionalText, text } from '../../resource/fields.ts';
import { parse } from '../../resource/parse.ts';
import { roleNames } from '../../resource/roles.ts';
import { raiseVersion, requireSuperuser } from './access.ts';
import { checkPassword, hashPassword } from './passwords.ts';
import { revokeSessions } from './sessions.ts';

/** As the older service had it. */
export const usernameField = text(150).regex(/^[\p{L}\p{N}@.+_-]+$/u, {
  error: 'Use letters, digits and @ . + - _ only.',
});
export const person = { full_name: optionalText(200), email: optionalText(254) };

export interface User {
  id: number;
  username: string;
  is_active: boolean;
  is_superuser: boolean;
}

export interface ListedUser extends User {
  last_login_at: string | null;
  memberships: { tenant: string; role: Role }[];
}

export interface NewUser {
  username: string;
  /** Not needed for a user who is there already. */
  password?: string | undefined;
  role?: Role | undefined;
  superuser?: boolean;
}

/**
 * Creates the user where there is none of that name, lets one in again who was shut out, and makes it a member of
 * ctx.tenant when a role is given.
 */
export async function addUser(ctx: Context, input: NewUser): Promise<User> {
  requireSuperuser(ctx);
  const schema = z.object({ username: usernameField, role: z.enum(roleNames).optional() });
  const { username, role } = parse(schema, input);
  const known = await userNamed(ctx, username);
  const hash = input.password === undefined ? undefined : await hashOf(input.password, username);
  if (!known && !hash) throw new Invalid({ password: ['This field is required.'] });
  return inTransaction(ctx, async (tx) => {
    const user = known ?? (await insertUser(tx, { username, hash: hash!, superuser: input.superuser ?? false }));
    if (known) await letIn(tx, known.id);
    if (known && input.superuser)
      await tx.db.execute('UPDATE users SET is_superuser = ? WHERE id = ?', [true, known.id]);
    if (known && hash) await storePassword(tx, known.id, hash);
    if (role && tx.tenant)
      await insertMembership(tx as TenantContext, { user: user.id, role, badge_code: null, is_active: true });
    await raiseVersion(tx);
    return { ...user, is_active: true, is_superuser: user.is_superuser || Boolean(input.superuser) };
  });
}

/** Undoes what disabling, or leaving the last tenant, did. */
export async function letIn(ctx: Context, id: number): Promise<void> {
  const sql = 'UPDATE users SET is_active = ?, updated_at = ? WHERE id = ? AND is_active = ?';
  await ctx.db.execute(sql, [true, timestamp(ctx), id, false]);
}

export async function insertUser(
  ctx: Context,
  user: { username: string; hash: string; superuser: boolean; full_name?: string; email?: string },
): Promise<User> {
  const now = timestamp(ctx);
  const id = await ctx.db.insert('users', {
    username: user.username,
    full_name: user.full_name ?? '',
    email: user.email ?? '',
    password_hash: user.hash,
    is_active: true,
    is_superuser: user.superuser,
    last_login_at: null,
    created_at: now,
    updated_at: now,
  });
  return { id, username: user.username, is_active: true, is_superuser: user.superuser };
}

export async function insertMembership(
  ctx: TenantContext,
  { user, role, badge_code, is_active }: { user: number; role: Role; badge_code: string | null; is_active: boolean },
): Promise<number> {
  const sql = 'SELECT id FROM memberships WHERE tenant_id = ? AND user_id = ?';
  if ((await ctx.db.query(sql, [ctx.tenant.id, user])).length > 0)
    throw new Conflict('This user is a member of the tenant already. Change the role instead.');
  const now = timestamp(ctx);
  const id = await ctx.db.insert('memberships', {
    tenant_id: ctx.tenant.id,
    user_id: user,
    role,
    badge_code,
    is_active,
    created_at: now,
    updated_at: now,
  });
  changes.append(ctx, { entity: 'member', entity_id: id, op: 'create', fields: [] });
  return id;
}

export const hashOf = (password: string, username: string): Promise<string> => {
  checkPassword(password, username);
  return hashPassword(password);
};

export async function userNamed(ctx: Context, username: string): Promise<User | undefined> {
  const rows = await ctx.db.query<User>('SELECT id, username, is_active, is_superuser FROM users WHERE username = ?', [
    username,
  ]);
  return rows[0] && { ...rows[0], is_active: Boolean(rows[0].is_active), is_superuser: Boolean(rows[0].is_superuser) };
}

export async function requireUser(ctx: Context, username: string): Promise<User> {
  const user = await userNamed(ctx, username);
  if (!user) throw new NotFound(`There is no user "${username}". See \`assetra user list\`.`);
  return user;
}

/** The users of ctx.tenant, or all. */
export async function listUsers(ctx: Context): Promise<ListedUser[]> {
  requireSuperuser(ctx);
  const all = await ctx.db.query<Omit<ListedUser, 'memberships'>>(
    'SELECT id, username, is_active, is_superuser, last_login_at FROM users ORDER BY username',
  );
  const members = await ctx.db.query<{ user_id: number; tenant_id: number; slug: string; role: Role }>(
    'SELECT m.user_id, m.tenant_id, t.slug, m.role FROM memberships m JOIN tenants t ON t.id = m.tenant_id ORDER BY t.slug',
  );
  const listed = all.map((user) => ({
    ...user,
    is_active: Boolean(user.is_active),
    is_superuser: Boolean(user.is_superuser),
    memberships: members.filter(({ user_id }) => user_id === user.id).map(({ slug, role }) => ({ tenant: slug, role })),
  }));
  const { tenant } = ctx;
  return tenant
    ? listed.filter(({ memberships }) => memberships.some((member) => member.tenant === tenant.slug))
    : listed;
}

/** Sets the password and ends every session that the old one opened. */
export async function setPassword(ctx: Context, id: number, password: string): Promise<void> {
  requireSuperuser(ctx);
  const [user] = await ctx.db.query<{ username: string }>('SELECT username FROM users WHERE id = ?', [id]);
  if (!user) throw new NotFound();
  const hash = await hashOf(password, user.username);
  await inTransaction(ctx, (tx) => storePassword(tx, id, hash));
}

export async function storePassword(ctx: Context, id: number, hash: string): Promise<void> {
  await ctx.db.execute('UPDATE users SET password_hash = ?, updated_at = ? WHERE id = ?', [hash, timestamp(ctx), id]);
  await revokeSessions(ctx, id);
}

/** Conflict when it would take the tenant's last admin. */
export async function setRole(ctx: TenantContext, userId: number, role: Role): Promise<void> {
  requireSuperuser(ctx);
  await inTransaction(ctx, async (tx) => {
    const administered = (await administeredBy(tx, userId)).some(({ id }) => id === tx.tenant.id);
    const mine = 'SELECT id FROM memberships WHERE tenant_id = ? AND user_id = ?';
    const [membership] = await tx.db.query<{ id: number }>(mine, [tx.tenant.id, userId]);
    if (!membership)
      throw new NotFound(`This user is no member of ${tx.tenant.slug}. Add it with \`assetra user add\`.`);
    const sql = 'UPDATE memberships SET role = ?, updated_at = ? WHERE id = ?';
    await tx.db.execute(sql, [role, timestamp(tx), membership.id]);
    changes.append(tx, { entity: 'member', entity_id: membership.id, op: 'update', fields: ['role'] });
    if (administered) await requireAdmin(tx, tx.tenant);
    await raiseVersion(tx);
  });
}

/** Shut out of every tenant, with every session ended. Conflict when a tenant would lose its last admin. */
export async function disableUser(ctx: Context, id: number): Promise<void> {
  requireSuperuser(ctx);
  await inTransaction(ctx, async (tx) => {
    const administered = await administeredBy(tx, id);
    await tx.db.execute('UPDATE users SET is_active = ?, updated_at = ? WHERE id = ?', [false, timestamp(tx), id]);
    await revokeSessions(tx, id);
    for (const tenant of administered) await requireAdmin(tx, tenant);
    await raiseVersion(tx);
  });
}

type NamedTenant = Pick<Tenant, 'id' | 'slug'>;

/** The open tenants in which the user is an active admin. */
function administeredBy(ctx: Context, userId: number): Promise<NamedTenant[]> {
  const sql =
    'SELECT t.id, t.slug FROM memberships m JOIN tenants t ON t.id = m.tenant_id JOIN users u ON u.id = m.user_id ' +
    "WHERE m.user_id = ? AND m.role = 'admin' AND m.is_active = ? AND u.is_active = ? AND t.is_active = ? ORDER BY t.id";
  return ctx.db.query<NamedTenant>(sql, [userId, true, true, true]);
}

/** Conflict when the change just made leaves the tenant without an admin who can log in. */
export async function requireAdmin(ctx: Context, tenant: NamedTenant): Promise<void> {
  // One at a time: two admins who demote each other would else each still see the other.
  await ctx.db.query(`SELECT id FROM tenants WHERE id = ?${ctx.db.forUpdate}`, [tenant.id]);
  const sql =
    'SELECT m.id FROM memberships m JOIN users u ON u.id = m.user_id ' +
    "WHERE m.tenant_id = ? AND m.role = 'admin' AND m.is_active = ? AND u.is_active = ?";
  const rows = await ctx.db.query(sql, [tenant.id, true, true]);
  if (rows.length === 0)
    throw new Conflict(`Tenant ${tenant.slug} needs an active admin. Make another member admin first.`);
}
