/** API tokens of kiosks, device hosts and programs: one tenant, one role; only their hash is kept. */
import { z } from 'zod';
import { Conflict, NotFound } from '../../base/errors.ts';
import { newSecret, sha256 } from '../../base/ids.ts';
import { type Context, inTransaction, type Role, type TenantContext, timestamp } from '../../db/context.ts';
import { defineResource, type Fields, type RowOf } from '../../resource/define.ts';
import { optionalInstant, optionalReference, text } from '../../resource/fields.ts';
import { roleNames } from '../../resource/roles.ts';
import { serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { raiseVersion, requireSuperuser, tokenPrefix } from './access.ts';

export const tokens = defineResource({
  name: 'token',
  path: 'tokens',
  table: 'api_tokens',
  area: 'accounts',
  fields: z.object({ name: text(120), role: z.enum(roleNames), expires_at: optionalInstant() }),
  readOnly: z.object({
    prefix: z.string(),
    created_by: optionalReference(),
    last_used_at: optionalInstant(),
    revoked_at: optionalInstant(),
  }),
  refs: { created_by: { table: 'users', label: 'User' } },
  search: ['name'],
  ordering: ['name'],
  order: 'name',
  filters: ['name', 'role'],
});

export type TokenRow = RowOf<typeof tokens>;
export type NewToken = TokenRow & { token: string };

export const servedTokens = serve(tokens, { create, update, remove: revoke });
servedTokens.operations.find(({ method }) => method === 'POST')!.answer = tokens.read.extend({ token: z.string() });

/** The only answer that carries the secret. */
async function create(ctx: TenantContext, values: Fields<typeof tokens>): Promise<NewToken> {
  const { token, prefix, token_hash } = newToken();
  const row = {
    ...values,
    prefix,
    created_by: ctx.actor.kind === 'user' ? ctx.actor.id : null,
    last_used_at: null,
    revoked_at: null,
  };
  const stored = await store.insert(ctx, tokens, row, { token_hash });
  return { ...stored, token };
}

function newToken(): { token: string; prefix: string; token_hash: string } {
  const token = tokenPrefix + newSecret(30);
  return { token, prefix: token.slice(0, 10), token_hash: sha256(token) };
}

async function update(ctx: TenantContext, row: TokenRow, changes: Partial<Fields<typeof tokens>>): Promise<TokenRow> {
  const written = await store.update(ctx, tokens, row, changes);
  await raiseVersion(ctx);
  return written;
}

/** Refused from now on; the row stays, so that what it did can be told. */
async function revoke(ctx: TenantContext, row: TokenRow): Promise<void> {
  if (row.revoked_at) return;
  await store.update(ctx, tokens, row, { revoked_at: timestamp(ctx) });
  await raiseVersion(ctx);
}

/** As the API's, for the shell. */
export const addToken = (ctx: TenantContext, input: { name: string; role: string }): Promise<NewToken> =>
  servedTokens.create(ctx, input) as Promise<NewToken>;

/** Another secret for a token, with which it begins anew, even if it was revoked; the former one is refused at once. */
export async function renewToken(ctx: TenantContext, id: number, { role }: { role: Role }): Promise<NewToken> {
  const { token, prefix, token_hash } = newToken();
  const row = await store.get(ctx, tokens, id);
  const fresh = { role, prefix, expires_at: null, last_used_at: null, revoked_at: null };
  const stored = await store.update(ctx, tokens, row, fresh);
  await ctx.db.execute('UPDATE api_tokens SET token_hash = ? WHERE id = ?', [token_hash, id]);
  await raiseVersion(ctx);
  return { ...stored, token };
}

/** The tokens of ctx.tenant, or all. */
export async function listTokens(ctx: Context): Promise<TokenRow[]> {
  requireSuperuser(ctx);
  const within = ctx.tenant ? 'WHERE tenant_id = ?' : '';
  const sql = `SELECT ${tokens.selection} FROM api_tokens ${within} ORDER BY tenant_id, name`;
  const rows = await ctx.db.query(sql, ctx.tenant ? [ctx.tenant.id] : []);
  return rows.map((row) => store.decode(tokens, row));
}

/** Revokes by id or name; a name that several tenants use needs ctx.tenant. */
export async function revokeToken(ctx: Context, reference: string): Promise<TokenRow> {
  const all = await listTokens(ctx);
  const byId = all.filter(({ id }) => String(id) === reference);
  const matching = byId.length > 0 ? byId : all.filter(({ name }) => name === reference);
  const [token] = matching;
  if (!token) throw new NotFound(`There is no token "${reference}". See \`assetra token list\`.`);
  if (matching.length > 1)
    throw new Conflict(`Several tenants have a token "${reference}". Add --tenant, or give its id.`);
  const now = token.revoked_at ?? timestamp(ctx);
  await inTransaction(ctx, async (tx) => {
    await tx.db.execute('UPDATE api_tokens SET revoked_at = ?, updated_at = ? WHERE id = ?', [
      now,
      timestamp(tx),
      token.id,
    ]);
    await raiseVersion(tx);
  });
  return { ...token, revoked_at: now };
}
