import { hostname } from 'node:os';
import type { Config } from '../../base/config.ts';
import { NotFound } from '../../base/errors.ts';
import type { Role } from '../../db/context.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';

interface Flags extends GlobalFlags {
  tenant: string;
  role: Role;
  minutes: number;
  scanner?: string;
}

export const run: Run<Flags> = ({ args, flags, out }) =>
  withSite(flags, async (site) => {
    const ctx = await site.inTenant(flags.tenant);
    const kiosk = await import('../../domain/kiosk/service.ts');
    const scanner = flags.scanner ?? '';
    if (scanner) await requireScanner(scanner);
    const { role, minutes } = flags;
    const { code, expires_at } = await kiosk.pair(ctx, { name: args[0]!, role, minutes, scanner });
    const url = addressOf(site.config.http);
    const document = { code, url, expires_at, name: args[0], role, scanner, tenant_id: ctx.tenant.id };
    out.result(document, () => `Open ${url} on the screen and enter, within ${minutes} minutes:\n${code}`);
    return undefined;

    async function requireScanner(name: string): Promise<void> {
      const devices = await import('../../domain/devices/service.ts');
      const all = await devices.everyActive(ctx.db);
      if (all.some((device) => device.tenant === ctx.tenant.id && device.name === name)) return;
      throw new NotFound(`There is no device "${name}" in use. See \`assetra devices list\`.`);
    }
  });

/** As other machines may reach it: the public URL, else this machine's name where the daemon listens to all. */
function addressOf({ publicUrls, host, port }: Config['http']): string {
  const base = publicUrls[0];
  if (base) return `${base}/kiosk/`;
  const name = ['0.0.0.0', '::'].includes(host) ? hostname() : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}/kiosk/`;
}
