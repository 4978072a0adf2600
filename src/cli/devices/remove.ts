import type { GlobalFlags, Run } from '../command.ts';
import { withSite } from '../site.ts';

export const run: Run<{ tenant: string } & GlobalFlags> = ({ args, flags, out }) =>
  withSite(flags, async (site) => {
    const devices = await import('../../domain/devices/service.ts');
    const device = await devices.removeNamed(await site.inTenant(flags.tenant), args[0]!);
    out.result({ device_id: device.id, name: device.name }, () => `Forgot ${device.name}. Its scans stay.`);
    return undefined;
  });
