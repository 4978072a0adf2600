import { hostname } from 'node:os';
import type { Config } from '../../base/config.ts';
import { NotFound } from '../../base/errors.ts';
import type { Role, TenantContext } from '../../db/context.ts';
import type { Mode } from '../../devices/kinds.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';

interface Flags extends GlobalFlags {
  tenant: string;
  role: Role;
  minutes: number;
  scanner?: string;
  location?: string;
  mode?: Mode;
  modeTimeout?: number;
}

/** What scans on the screen go by. */
interface Settings {
  location: string;
  mode: Mode;
  mode_timeout_s: number;
}

export const run: Run<Flags> = ({ args, flags, out }) =>
  withSite(flags, async (site) => {
    const ctx = await site.inTenant(flags.tenant);
    const kiosk = await import('../../domain/kiosk/service.ts');
    const { role, minutes, scanner = '' } = flags;
    const name = args[0]!;
    const settings = { ...(await settingsOf(ctx, scanner)), ...(await givenBy(ctx, flags)) };
    const { code, expires_at } = await kiosk.pair(ctx, { name, role, minutes, scanner, ...settings });
    const url = addressOf(site.config.http);
    const document = { code, url, expires_at, name, role, scanner, ...settings, tenant_id: ctx.tenant.id };
    out.result(document, () => `Open ${url} on the screen and enter, within ${minutes} minutes:\n${code}`);
    return undefined;
  });

/** As the scanner that the screen stands beside. NotFound when there is none of that name. */
async function settingsOf(ctx: TenantContext, scanner: string): Promise<Settings> {
  const { deviceSettings } = await import('../../devices/settings.ts');
  if (!scanner) return { location: '', ...chosen(deviceSettings.parse({})) };
  const devices = await import('../../domain/devices/service.ts');
  const all = await devices.everyActive(ctx.db);
  const device = all.find(({ tenant, name }) => tenant === ctx.tenant.id && name === scanner);
  if (!device) throw new NotFound(`There is no device "${scanner}" in use. See \`assetra devices list\`.`);
  const locations = await import('../../domain/locations/service.ts');
  const place = device.location === null ? undefined : await locations.served.get(ctx, device.location);
  return { location: place?.code ?? '', ...chosen(deviceSettings.parse(device.settings)) };
}

const chosen = ({ mode, mode_timeout_s }: Omit<Settings, 'location'>) => ({ mode, mode_timeout_s });

async function givenBy(ctx: TenantContext, { location, mode, modeTimeout }: Flags): Promise<Partial<Settings>> {
  const { byCode } = await import('../../domain/locations/service.ts');
  if (location && !(await byCode(ctx, location)))
    throw new NotFound(`Tenant ${ctx.tenant.slug} has no location with code ${location}.`);
  return {
    ...(location === undefined ? {} : { location }),
    ...(mode === undefined ? {} : { mode }),
    ...(modeTimeout === undefined ? {} : { mode_timeout_s: modeTimeout }),
  };
}

/** As other machines may reach it: the public URL, else this machine's name where the daemon listens to all. */
function addressOf({ publicUrls, host, port }: Config['http']): string {
  const base = publicUrls[0];
  if (base) return `${base}/kiosk/`;
  const name = ['0.0.0.0', '::'].includes(host) ? hostname() : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}/kiosk/`;
}
