/** The secrets of endpoints: sealed in the database, opened where something is signed or a signature checked. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Context, type TenantContext, vaultOf } from '../../db/context.ts';

const purpose = (tenant: number): string => `webhook-secret:${tenant}`;

/** What is stored of the tenant's new secret. */
export const seal = (ctx: TenantContext, secret: string): string => vaultOf(ctx).seal(secret, purpose(ctx.tenant.id));

/** The endpoint's secret, whatever tenant the context is in; undefined when it has none. */
export async function secretOf(ctx: Context, endpoint: { id: number; tenant: number }): Promise<string | undefined> {
  const sql = 'SELECT secret_sealed AS sealed FROM webhook_endpoints WHERE id = ?';
  const [row] = await ctx.db.query<{ sealed: string | null }>(sql, [endpoint.id]);
  return row?.sealed ? vaultOf(ctx).open(row.sealed, purpose(endpoint.tenant)) : undefined;
}

/** `sha256=<hex HMAC-SHA256 of "<timestamp>.<body>">`; `timestamp` in unix seconds, the exact bytes of the body. */
export const signatureOf = (secret: string, timestamp: string, body: Buffer): string =>
  `sha256=${createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex')}`;

/** Takes as long for a signature that is nearly right as for any other. */
export function isSignature(sent: string, right: string): boolean {
  const [one, two] = [Buffer.from(sent), Buffer.from(right)];
  return one.length === two.length && timingSafeEqual(one, two);
}
