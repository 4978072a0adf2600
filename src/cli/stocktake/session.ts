/** The session that a command names. */
import { ConfigError, NotFound } from '../../base/errors.ts';
import type { TenantContext } from '../../db/context.ts';
import type { Site } from '../site.ts';

export interface Named {
  id: number;
  ctx: TenantContext;
}

export function idOf(argument: string | undefined): number {
  if (!/^\d{1,15}$/.test(argument ?? ''))
    throw new ConfigError(`"${argument}" is no id of a session. See \`assetra stocktake list\`.`);
  return Number(argument);
}

/** Its id with a context in its tenant; a session of another tenant than the one named is not found. */
export async function sessionOf(site: Site, id: number, tenant: string | undefined): Promise<Named> {
  const stocktake = await import('../../domain/stocktake/service.ts');
  const own = await stocktake.tenantOf(site.ctx, id).catch((error: unknown) => {
    throw error instanceof NotFound ? unknown(id) : error;
  });
  const ctx = await site.inTenant(tenant ?? String(own));
  if (ctx.tenant.id !== own) throw unknown(id);
  return { id, ctx };
}

const unknown = (id: number) => new NotFound(`There is no session ${id}. See \`assetra stocktake list\`.`);
