import type { Port } from '../../devices/ports.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { table } from '../output.ts';
import { withSite } from '../site.ts';

export const run: Run<{ tenant?: string } & GlobalFlags> = ({ flags, out }) =>
  withSite(flags, async (site) => {
    const devices = await import('../../domain/devices/service.ts');
    const { listPorts } = await import('../../devices/ports.ts');
    const tenant = flags.tenant === undefined ? undefined : await site.inTenant(flags.tenant);
    const every = await devices.everyActive(site.database);
    const configured = every.filter((device) => !tenant || device.tenant === tenant.tenant.id);
    let ports: Port[] = [];
    try {
      ports = await listPorts();
    } catch (error) {
      out.note((error as Error).message);
    }
    const setUp = configured.map(({ id, tenant: owner, name, kind, path }) => [id, owner, name, kind, path]);
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
        table(['ID', 'TENANT', 'NAME', 'KIND', 'PATH'], setUp),
        '',
        'Plugged in:',
        table(['KIND', 'PATH', 'NODE', 'MAKER', 'USB', 'SHARED IDENTITY', 'MAY OPEN'], plugged),
      ].join('\n'),
    );
    return undefined;
  });
