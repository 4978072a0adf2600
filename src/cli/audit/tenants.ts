import type { TenantContext } from '../../db/context.ts';
import type { Site } from '../site.ts';

/** The tenant that was named, or every one. */
export async function tenantsOf(site: Site, reference: string | undefined): Promise<TenantContext[]> {
  if (reference !== undefined) return [await site.inTenant(reference)];
  const accounts = await import('../../domain/accounts/service.ts');
  return (await accounts.listTenants(site.ctx)).map((tenant) => ({ ...site.ctx, tenant }));
}
