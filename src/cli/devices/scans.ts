/** A scanner opened for a person to look at: what it reads is told, and nothing is recorded. */
import { ConfigError } from '../../base/errors.ts';
import { drivers } from '../../devices/drivers.ts';
import type { Scanner, ScannerState } from '../../devices/scanner.ts';
import { deviceSettings } from '../../devices/settings.ts';
import type { GlobalFlags } from '../command.ts';
import { withSite } from '../site.ts';

export interface Watched {
  kind: string;
  path: string;
  settings: Record<string, unknown>;
}

/** The device of that name; a tenant is needed where several have one. */
export const deviceNamed = (flags: GlobalFlags & { tenant?: string }, name: string): Promise<Watched> =>
  withSite(flags, async (site) => {
    const devices = await import('../../domain/devices/service.ts');
    const tenant = flags.tenant === undefined ? undefined : (await site.inTenant(flags.tenant)).tenant.id;
    const found = (await devices.everyActive(site.database)).filter(
      (device) => device.name === name && (tenant === undefined || device.tenant === tenant),
    );
    if (found.length === 1) return found[0]!;
    if (found.length > 1) throw new ConfigError(`Several tenants have a device "${name}". Add --tenant.`);
    throw new ConfigError(`There is no device "${name}". See \`assetra devices list\`.`);
  });

export function open(device: Watched, events: { scan(text: string): void; state(state: ScannerState): void }): Scanner {
  const settings = deviceSettings.parse(device.settings);
  const scanner = drivers[device.kind]!(device.path, settings, {
    ...events,
    overflow: () => events.state({ state: 'open', message: 'A line was longer than any barcode and was dropped.' }),
  });
  scanner.start();
  return scanner;
}

/** Without anything that would move the cursor. */
export const visible = (text: string): string =>
  text.replaceAll('\u001d', '<GS>').replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
