import { ConfigError } from '../../base/errors.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';

interface Flags extends GlobalFlags {
  tenant: string;
  kind: string;
  path: string;
  baud?: number;
  mode?: string;
  set?: string[];
  location?: string;
}

/** `baud_rate=9600` is a number, `prefix=9600` a text, in which \t stands for a Tab. */
function settingsOf({ set = [], baud, mode }: Flags): Record<string, unknown> {
  const given = set.map((pair) => {
    const [, key, value] = /^(\w+)=(.*)$/s.exec(pair) ?? [];
    if (!key) throw new ConfigError(`--set takes KEY=VALUE, not "${pair}".`);
    if (texts.includes(key)) return [key, value!.replaceAll('\\t', '\t')];
    return [key, /^\d+$/.test(value!) ? Number(value) : value];
  });
  return {
    ...Object.fromEntries(given),
    ...(baud === undefined ? {} : { baud_rate: baud }),
    ...(mode === undefined ? {} : { mode }),
  };
}

const texts = ['prefix', 'suffix', 'gs_substitute'];

export const run: Run<Flags> = ({ args, flags, out }) =>
  withSite(flags, async (site) => {
    const ctx = await site.inTenant(flags.tenant);
    const devices = await import('../../domain/devices/service.ts');
    const { deviceSettings } = await import('../../devices/settings.ts');
    const { parse } = await import('../../resource/parse.ts');
    const settings = settingsOf(flags);
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
