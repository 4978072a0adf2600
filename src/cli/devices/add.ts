import { ConfigError } from '../../base/errors.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';
import { given, settingsOf } from './settings.ts';

interface Flags extends GlobalFlags {
  tenant: string;
  kind: string;
  path: string;
  baud?: number;
  mode?: string;
  set?: string[];
  location?: string;
}

export const run: Run<Flags> = ({ args, flags, out }) =>
  withSite(flags, async (site) => {
    const ctx = await site.inTenant(flags.tenant);
    const devices = await import('../../domain/devices/service.ts');
    const { deviceSettings } = await import('../../devices/settings.ts');
    const { parse } = await import('../../resource/parse.ts');
    const { set, baud: baud_rate, mode } = flags;
    const settings = { ...settingsOf(set), ...given({ baud_rate, mode }) };
    parse(deviceSettings, settings);
    const { kind, path } = flags;
    const device = await devices.served.create(ctx, {
      name: args[0],
      kind,
      path,
      settings,
      location: await locationOf(),
    });
    const document = { device_id: device.id, name: device.name, tenant_id: device.tenant, kind, path };
    out.result(document, () => `Set up ${device.name}. A running daemon opens it within seconds.`);
    return undefined;

    async function locationOf(): Promise<number | null> {
      if (!flags.location) return null;
      const locations = await import('../../domain/locations/service.ts');
      const location = await locations.byCode(ctx, flags.location);
      if (!location) throw new ConfigError(`Tenant ${ctx.tenant.slug} has no location with code ${flags.location}.`);
      return location.id;
    }
  });
