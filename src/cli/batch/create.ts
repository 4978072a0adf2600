import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';

interface Flags extends GlobalFlags {
  tenant: string;
  prefix: string;
  from: number;
  to: number;
  template?: string;
}

export const run: Run<Flags> = ({ flags, out }) =>
  withSite(flags, async (site) => {
    const ctx = await site.inTenant(flags.tenant);
    const batches = await import('../../domain/batches/service.ts');
    const templates = await import('../../domain/templates/service.ts');
    const template = flags.template === undefined ? null : await templates.idOfNamed(ctx, flags.template);
    const { prefix, from, to } = flags;
    const batch = await batches.served.create(ctx, { template, prefix, start_sequence: from, end_sequence: to });
    const labels = to - from + 1;
    const document = { batch_id: batch.id, tenant_id: batch.tenant, prefix, from, to, labels, status: batch.status };
    const made = `Created batch ${batch.id} with ${labels} labels, ${prefix}${from} to ${prefix}${to}.`;
    const later = ' The daemon makes them now; `assetra batch print` waits for it.';
    out.result(document, () => (batch.status === 'ready' ? made : made + later));
    return undefined;
  });
