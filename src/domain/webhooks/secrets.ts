/** The secrets of endpoints: sealed in the database, opened where something is signed or a signature checked. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Context, type TenantContext, vaultOf } from '../../db/context.ts';

const purpose = (tenant: number): string => `webhook-secret:${tenant}`;

/** What is stored of the tenant's new secret. */
export const seal = (ctx: TenantContext, secret: string): string => vaultOf(ctx).seal(secret, purpose(ctx.tenant.id));

/** A stored secret of that tenant in the clear. */
export const open = (ctx: Context, tenant: number, sealed: string): string =>
  vaultOf(ctx).open(sealed, purpose(tenant));

/** How long both secrets are good for: before the next one is promoted, and before the previous one ends. In ms. */
export const overlap = 24 * 3_600_000;

/** Sealed, with the times at which they change by themselves. */
export interface SecretColumns {
  secret_sealed: string | null;
  next_secret_sealed: string | null;
  next_promotes_at: string | null;
  previous_secret_sealed: string | null;
  previous_expires_at: string | null;
}

export const secretColumns =
  'secret_sealed, next_secret_sealed, next_promotes_at, previous_secret_sealed, previous_expires_at';

/** As they stand at a moment: the next one takes its place when its time comes, whether anyone wrote that down or not. */
export function standing(row: SecretColumns, now: Date): SecretColumns {
  const at = now.toISOString();
  const due = row.next_secret_sealed !== null && row.next_promotes_at! <= at;
  const promoted = due ? promotion(row, new Date(row.next_promotes_at!)) : row;
  if (promoted.previous_expires_at === null || promoted.previous_expires_at > at) return promoted;
  return { ...promoted, previous_secret_sealed: null, previous_expires_at: null };
}

/** The next secret in the place of the current one, which stays good for a while. */
export const promotion = (row: SecretColumns, at: Date): SecretColumns => ({
  secret_sealed: row.next_secret_sealed,
  next_secret_sealed: null,
  next_promotes_at: null,
  previous_secret_sealed: row.secret_sealed,
  previous_expires_at: new Date(at.getTime() + overlap).toISOString(),
});

/** As they are stored. */
export async function secretsOf(ctx: Context, endpoint: number): Promise<SecretColumns> {
  const sql = `SELECT ${secretColumns} FROM webhook_endpoints WHERE id = ?`;
  return (await ctx.db.query<SecretColumns>(sql, [endpoint]))[0]!;
}

export async function writeSecrets(ctx: Context, endpoint: number, keys: SecretColumns): Promise<void> {
  const names = secretColumns.split(', ') as (keyof SecretColumns)[];
  const sql = `UPDATE webhook_endpoints SET ${names.map((name) => `${name} = ?`).join(', ')} WHERE id = ?`;
  await ctx.db.execute(sql, [...names.map((name) => keys[name]), endpoint]);
}

/** This secret alone from now on. */
export const replaceSecret = (ctx: TenantContext, endpoint: number, secret: string): Promise<void> =>
  writeSecrets(ctx, endpoint, {
    secret_sealed: seal(ctx, secret),
    next_secret_sealed: null,
    next_promotes_at: null,
    previous_secret_sealed: null,
    previous_expires_at: null,
  });

/** The endpoint's secret, whatever tenant the context is in; undefined when it has none. */
export async function secretOf(ctx: Context, endpoint: { id: number; tenant: number }): Promise<string | undefined> {
  const sealed = standing(await secretsOf(ctx, endpoint.id), ctx.now()).secret_sealed;
  return sealed ? open(ctx, endpoint.tenant, sealed) : undefined;
}

/** `sha256=<hex HMAC-SHA256 of "<timestamp>.<body>">`; `timestamp` in unix seconds, the exact bytes of the body. */
export const signatureOf = (secret: string, timestamp: string, body: Buffer): string =>
  `sha256=${createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex')}`;

/** `v1,<base64 HMAC-SHA256 of "<id>.<timestamp>.<body>">`, as Standard Webhooks has it. */
export const standardSignatureOf = (secret: string, id: string, timestamp: string, body: Buffer): string =>
  `v1,${createHmac('sha256', standardKey(secret)).update(`${id}.${timestamp}.`).update(body).digest('base64')}`;

/** The same bytes for both signatures, save that a secret already in the standard's form means the bytes that it spells. */
function standardKey(secret: string): Buffer {
  const [, spelt] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  return spelt ? Buffer.from(spelt, 'base64') : Buffer.from(secret);
}

/** The secret as libraries of Standard Webhooks take it. */
export const standardSecret = (secret: string): string => `whsec_${standardKey(secret).toString('base64')}`;

/** Takes as long for a signature that is nearly right as for any other. */
export function isSignature(sent: string, right: string): boolean {
  const [one, two] = [Buffer.from(sent), Buffer.from(right)];
  return one.length === two.length && timingSafeEqual(one, two);
}
