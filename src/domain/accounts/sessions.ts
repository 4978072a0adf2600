/** Log-in and refresh. A refresh token is good until its successor was used; used after that, its family is revoked. */
import { z } from 'zod';
import { AppError } from '../../base/errors.ts';
import { newUuid } from '../../base/ids.ts';
import { type Context, inTransaction, timestamp } from '../../db/context.ts';
import { parse } from '../../resource/parse.ts';
import { sign, verify } from './jwt.ts';
import type { AccessSettings } from './keys.ts';
import * as limit from './login-limit.ts';
import { verifyPassword } from './passwords.ts';

export const Login = z.object({ username: z.string().min(1).max(150), password: z.string().min(1).max(1_024) });
export const RefreshBody = z.object({ refresh: z.string().min(1).max(4_096) });
export const TokenPair = z.object({ access: z.string(), refresh: z.string() });
export type Tokens = z.output<typeof TokenPair>;

interface UserRow {
  id: number;
  password_hash: string;
  is_active: boolean;
}

interface RefreshRow {
  jti: string;
  family: string;
  used_at: string | null;
  revoked_at: string | null;
}

/** Wrong name, wrong password and shut-out user look alike and take alike long. TooMany after repeated failures. */
export async function logIn(ctx: Context, settings: AccessSettings, body: unknown, address: string): Promise<Tokens> {
  const { username, password } = parse(Login, body);
  const refused = new AppError('unauthenticated', 401, 'No active account found with the given credentials');
  await limit.begin(ctx, username, address);
  const user = username.includes('\0') ? undefined : await userNamed(ctx, username);
  const matches = await verifyPassword(password, user?.password_hash ?? null);
  if (!user || !matches || !user.is_active) throw refused;
  await limit.succeeded(ctx, username, address);
  return inTransaction(ctx, async (tx) => {
    // While the password was looked at it may have been changed, which ends the sessions of the old one.
    const sql = 'UPDATE users SET last_login_at = ? WHERE id = ? AND password_hash = ? AND is_active = ?';
    if ((await tx.db.execute(sql, [timestamp(tx), user.id, user.password_hash, true])) === 0) throw refused;
    return issue(tx, settings, user.id, newUuid(), null);
  });
}

/** A new pair for a refresh token. Throws a 401 for one that is expired, revoked or reused. */
export async function refresh(ctx: Context, settings: AccessSettings, body: unknown): Promise<Tokens> {
  const refused = new AppError('unauthenticated', 401, 'Token is invalid or expired');
  const claims = verify(settings, parse(RefreshBody, body).refresh, 'refresh', ctx.now());
  const tokens = await inTransaction(ctx, async (tx) => {
    if (!(await lockActiveUser(tx, claims.user_id))) return null;
    const token = await refreshToken(tx, claims.jti);
    if (!token || token.revoked_at) return null;
    if (token.used_at && (await wasSuccessorUsed(tx, token.jti))) {
      // Not thrown here: that would take the revocation back.
      await revokeFamily(tx, token.family);
      return null;
    }
    await tx.db.execute('UPDATE refresh_tokens SET used_at = ?, updated_at = ? WHERE jti = ?', [
      timestamp(tx),
      timestamp(tx),
      token.jti,
    ]);
    return issue(tx, settings, claims.user_id, token.family, token.jti);
  });
  if (!tokens) throw refused;
  return tokens;
}

/** Ends every session of the user, whose row the caller has just changed; access tokens run out by themselves. */
export async function revokeSessions(ctx: Context, userId: number): Promise<void> {
  const sql = 'UPDATE refresh_tokens SET revoked_at = ?, updated_at = ? WHERE user_id = ? AND revoked_at IS NULL';
  await ctx.db.execute(sql, [timestamp(ctx), timestamp(ctx), userId]);
}

/**
 * Two refreshes of one user wait for each other, so each sees what the other did. Whoever ends the user's sessions
 * changes this row first, so no successor is issued past them.
 */
async function lockActiveUser(ctx: Context, id: number): Promise<boolean> {
  const sql = `SELECT is_active FROM users WHERE id = ?${ctx.db.forUpdate}`;
  const [user] = await ctx.db.query<Pick<UserRow, 'is_active'>>(sql, [id]);
  return Boolean(user?.is_active);
}

async function refreshToken(ctx: Context, jti: string): Promise<RefreshRow | undefined> {
  const sql = 'SELECT jti, family, used_at, revoked_at FROM refresh_tokens WHERE jti = ?';
  return (await ctx.db.query<RefreshRow>(sql, [jti]))[0];
}

async function wasSuccessorUsed(ctx: Context, jti: string): Promise<boolean> {
  const sql = 'SELECT jti FROM refresh_tokens WHERE parent = ? AND used_at IS NOT NULL';
  return (await ctx.db.query(sql, [jti])).length > 0;
}

async function revokeFamily(ctx: Context, family: string): Promise<void> {
  const sql = 'UPDATE refresh_tokens SET revoked_at = ?, updated_at = ? WHERE family = ? AND revoked_at IS NULL';
  await ctx.db.execute(sql, [timestamp(ctx), timestamp(ctx), family]);
}

async function issue(
  ctx: Context,
  settings: AccessSettings,
  user: number,
  family: string,
  parent: string | null,
): Promise<Tokens> {
  const iat = Math.floor(ctx.now().getTime() / 1000);
  const claimsOf = (token_type: 'access' | 'refresh', seconds: number) => ({
    token_type,
    user_id: user,
    jti: newUuid(),
    iat,
    exp: iat + seconds,
  });
  const access = claimsOf('access', settings.accessMinutes * 60);
  const refresh = claimsOf('refresh', settings.refreshDays * 86_400);
  const now = timestamp(ctx);
  const values = [refresh.jti, family, parent, user, new Date(refresh.exp * 1000).toISOString(), now, now];
  const sql =
    'INSERT INTO refresh_tokens (jti, family, parent, user_id, expires_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)';
  await ctx.db.execute(sql, values);
  return { access: sign(settings, access), refresh: sign(settings, refresh) };
}

async function userNamed(ctx: Context, username: string): Promise<UserRow | undefined> {
  const sql = 'SELECT id, password_hash, is_active FROM users WHERE username = ?';
  return (await ctx.db.query<UserRow>(sql, [username]))[0];
}
