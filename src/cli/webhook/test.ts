import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';

export const run: Run<{ tenant: string } & GlobalFlags> = ({ args, flags, out }) =>
  withSite(flags, async (site) => {
    const ctx = await site.inTenant(flags.tenant);
    const webhooks = await import('../../domain/webhooks/service.ts');
    const sender = webhooks.senderOf(site.config.webhooks);
    try {
      const pong = await webhooks.ping(ctx, sender, await webhooks.named(ctx, args[0]!));
      const { delivered, status, ms, ip, reason, error } = pong;
      const where = ip ? ` from ${ip}` : '';
      const outcome = delivered ? 'taken' : `not taken (${reason}): ${error}`;
      out.result(pong, () => `HTTP ${status ?? '–'}${where} in ${ms} ms: ${outcome}`);
      return delivered ? undefined : 1;
    } finally {
      await sender.close();
    }
  });
