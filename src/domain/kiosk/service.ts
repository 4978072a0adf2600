/** A screen beside a scanner: a one-time code made by the shell, exchanged by the page for an API token of its own. */
import { z } from 'zod';
import { Conflict, Invalid } from '../../base/errors.ts';
import { newCode, sha256 } from '../../base/ids.ts';
import { type Context, inTransaction, type Role, type TenantContext, timestamp } from '../../db/context.ts';
import { type Mode, modes } from '../../devices/kinds.ts';
import { deviceSettings } from '../../devices/settings.ts';
import { text } from '../../resource/fields.ts';
import { parse } from '../../resource/parse.ts';
import { roleNames } from '../../resource/roles.ts';
import * as accounts from '../accounts/service.ts';

/** All attempts from one address are one subject: a code has no name that could be locked. No user can be called so. */
const subject = '\u0000kiosk pairing';
const refusedCode = 'This code is wrong, used or expired. Make a new one with `assetra kiosk pair`.';

export const Pairing = z.object({
  name: text(120),
  role: z.enum(roleNames),
  /** How long the code may be used. */
  minutes: z.int().min(1).max(1440),
  /** The one whose scans the screen shows; all when empty. */
  scanner: z.string().max(120),
  /** Code of the place where the screen stands, for what is scanned on it. */
  location: z.string().max(80).default(''),
  /** What scans on it do until a command code says otherwise, and how long silence may be before they do so again. */
  mode: deviceSettings.shape.mode,
  mode_timeout_s: deviceSettings.shape.mode_timeout_s,
});

export interface Pending {
  /** `XXXX-XXXX`, told once. */
  code: string;
  expires_at: string;
}

export const PairBody = z.object({ code: text(40) });
export const Paired = z.object({
  token: z.string(),
  tenant_id: z.int(),
  tenant_slug: z.string(),
  tenant_name: z.string(),
  name: z.string(),
  /** The page takes no scans of its own for a role that may not write. */
  role: z.enum(roleNames),
  scanner: z.string(),
  location: z.string(),
  mode: z.enum(modes),
  mode_timeout_s: z.int(),
});

interface PairingRow {
  id: number;
  tenant_id: number;
  name: string;
  role: Role;
  scanner: string;
  location: string;
  mode: Mode;
  mode_timeout_s: number;
  expires_at: string;
  token_id: number | null;
}

/** Conflict when the name belongs to a token that is no kiosk's: pairing would take its place. */
export async function pair(ctx: TenantContext, input: z.input<typeof Pairing>): Promise<Pending> {
  const { minutes, ...screen } = parse(Pairing, input);
  const code = newCode();
  const expires_at = new Date(ctx.now().getTime() + minutes * 60_000).toISOString();
  await inTransaction(ctx, async (tx) => {
    await replaceable(tx as TenantContext, screen.name);
    await tx.db.execute('DELETE FROM kiosk_pairings WHERE token_id IS NULL AND expires_at < ?', [timestamp(tx)]);
    await tx.db.insert('kiosk_pairings', {
      tenant_id: ctx.tenant.id,
      code_hash: sha256(code),
      ...screen,
      expires_at,
      token_id: null,
      created_at: timestamp(tx),
      updated_at: timestamp(tx),
    });
  });
  return { code: `${code.slice(0, 4)}-${code.slice(4)}`, expires_at };
}

/** Uses the code up and answers the kiosk's token. One answer for every code that is not good; TooMany for guessing. */
export async function redeem(ctx: Context, body: unknown, address: string): Promise<z.infer<typeof Paired>> {
  const { code } = parse(PairBody, body);
  await accounts.guesses.begin(ctx, subject, address);
  const paired = await inTransaction(ctx, (tx) => useUp(tx, sha256(plain(code))));
  await accounts.guesses.succeeded(ctx, subject, address);
  return paired;
}

/** As it was printed, however it was typed: letters that the alphabet leaves out are the digits they look like. */
const plain = (code: string): string =>
  code.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1');

async function useUp(tx: Context, hash: string): Promise<z.infer<typeof Paired>> {
  const sql = `SELECT id, tenant_id, name, role, scanner, location, mode, mode_timeout_s, expires_at, token_id FROM kiosk_pairings WHERE code_hash = ?${tx.db.forUpdate}`;
  const [pairing] = await tx.db.query<PairingRow>(sql, [hash]);
  const good = pairing && pairing.token_id === null && pairing.expires_at > timestamp(tx);
  const tenant = good ? await accounts.activeTenant(tx, pairing.tenant_id) : undefined;
  if (!good || !tenant) throw new Invalid({ code: [refusedCode] });
  const actor = { kind: 'system', id: null, label: 'kiosk pairing', role: 'admin', superuser: true } as const;
  const inside = { ...tx, tenant, actor };
  const { name, role, scanner, location, mode, mode_timeout_s } = pairing;
  const former = await replaceable(inside, name);
  const made = former
    ? await accounts.renewToken(inside, former, { role })
    : await accounts.addToken(inside, { name, role });
  const used = 'UPDATE kiosk_pairings SET token_id = ?, updated_at = ? WHERE id = ?';
  await tx.db.execute(used, [made.id, timestamp(tx), pairing.id]);
  return {
    token: made.token,
    tenant_id: tenant.id,
    tenant_slug: tenant.slug,
    tenant_name: tenant.name,
    name,
    role,
    scanner,
    location,
    mode,
    mode_timeout_s,
  };
}

/** The id of the token that this kiosk had before; Conflict when the name is another's. */
async function replaceable(ctx: TenantContext, name: string): Promise<number | undefined> {
  const sql =
    'SELECT t.id, (SELECT COUNT(*) FROM kiosk_pairings p WHERE p.token_id = t.id) AS kiosks FROM api_tokens t ' +
    'WHERE t.tenant_id = ? AND t.name = ?';
  const [token] = await ctx.db.query<{ id: number; kiosks: number | string }>(sql, [ctx.tenant.id, name]);
  if (token && Number(token.kiosks) === 0)
    throw new Conflict(`"${name}" is the name of an API token that is no kiosk's. Choose another name.`);
  return token?.id;
}
