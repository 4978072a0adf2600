import { ConfigError } from '../../base/errors.ts';
import type { Port } from '../../devices/ports.ts';
import type { DeviceRow } from '../../domain/devices/service.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { type Output, table } from '../output.ts';
import { withSite } from '../site.ts';

type Flags = { tenant?: string } & GlobalFlags;

export const run: Run<Flags> = async ({ flags, out }) => {
  const configured = await setUp(flags, out);
  const ports = await pluggedIn(out);
  const rows = configured.map(({ id, tenant, name, kind, path }) => [id, tenant, name, kind, path]);
  const plugged = ports.map((port) => [
    port.kind,
    port.path,
    port.node,
    port.manufacturer,
    port.usb,
    port.ambiguous,
    port.usable,
  ]);
  out.result({ devices: configured, ports }, () =>
    [
      'Set up:',
      table(['ID', 'TENANT', 'NAME', 'KIND', 'PATH'], rows),
      '',
      'Plugged in:',
      table(['KIND', 'PATH', 'NODE', 'MAKER', 'USB', 'SHARED IDENTITY', 'MAY OPEN'], plugged),
    ].join('\n'),
  );
  return undefined;
};

/** A device host has no site; what is plugged into it is asked for all the same. */
async function setUp(flags: Flags, out: Output): Promise<DeviceRow[]> {
  try {
    return await withSite(flags, async (site) => {
      const devices = await import('../../domain/devices/service.ts');
      const tenant = flags.tenant === undefined ? undefined : (await site.inTenant(flags.tenant)).tenant.id;
      const every = await devices.everyActive(site.database);
      return every.filter((device) => tenant === undefined || device.tenant === tenant);
    });
  } catch (error) {
    if (flags.tenant !== undefined || !(error instanceof ConfigError)) throw error;
    out.note(error.message);
    return [];
  }
}

async function pluggedIn(out: Output): Promise<Port[]> {
  const { listPorts } = await import('../../devices/ports.ts');
  try {
    return await listPorts();
  } catch (error) {
    out.note((error as Error).message);
    return [];
  }
}
