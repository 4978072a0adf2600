import { ConfigError, NotFound } from '../../base/errors.ts';
import type { TenantContext } from '../../db/context.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';

interface Flags extends GlobalFlags {
  tenant: string;
  location?: string;
  includeSublocations?: boolean;
}

export const run: Run<Flags> = ({ args, flags, out }) =>
  withSite(flags, async (site) => {
    const { location: code, includeSublocations = false } = flags;
    if (includeSublocations && code === undefined)
      throw new ConfigError('--include-sublocations goes with --location.');
    const ctx = await site.inTenant(flags.tenant);
    const stocktake = await import('../../domain/stocktake/service.ts');
    const location = code === undefined ? null : await idOfCode(ctx, code);
    const session = await stocktake.served.create(ctx, {
      name: args[0],
      location,
      include_sublocations: includeSublocations,
    });
    const { count: expected } = await stocktake.linesOf(ctx, session.id, { page_size: '1' });
    const { id, tenant, name, status } = session;
    const document = { session_id: id, tenant_id: tenant, name, status, location: code ?? null, expected };
    out.result(document, () =>
      location === null
        ? `Opened session ${id}. The first scan that names a location says where it counts.`
        : `Opened session ${id}: ${expected} ${expected === 1 ? 'asset' : 'assets'} should be at ${code}.`,
    );
    return undefined;
  });

async function idOfCode(ctx: TenantContext, code: string): Promise<number> {
  const locations = await import('../../domain/locations/service.ts');
  const location = await locations.byCode(ctx, code);
  if (!location) throw new NotFound(`No location has the code "${code}".`);
  return location.id;
}
