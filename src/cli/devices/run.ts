/** A device host: the scanners of this machine feed a daemon elsewhere. */
import { join } from 'node:path';
import { loadConfig } from '../../base/config.ts';
import type { ScannerState } from '../../devices/scanner.ts';
import type { Recorded } from '../../stations/answer.ts';
import type { DeviceHost, HostDevice } from '../../stations/host.ts';
import type { SpooledScan } from '../../stations/spool.ts';
import type { GlobalFlags, Run } from '../command.ts';
import type { Output } from '../output.ts';
import { signalled } from '../signal.ts';
import { type HostFlags, hostSettings } from './host-settings.ts';
import { visible } from './scans.ts';

export const run: Run<HostFlags & GlobalFlags> = async ({ flags, out }) => {
  const { dir } = loadConfig({ dir: flags.dir });
  const { server, devices } = hostSettings(dir, flags);
  const { DeviceHost } = await import('../../stations/host.ts');
  const host = new DeviceHost({ server, devices, dir, ...printing(out, devices) });
  for (const path of host.forgotten())
    out.note(`${path} has scans of a scanner that is not set up here any more. Set it up again to send them.`);
  const ended = signalled();
  await host.start();
  await Promise.race([ended, host.finished()]);
  await host.stop();
  return afterwards(host, dir, out);
};

const printing = (out: Output, devices: readonly HostDevice[]) => {
  const width = Math.max(...devices.map(({ name }) => name.length));
  const line = (device: string, scan: SpooledScan, rest: string) =>
    `${device.padEnd(width)}  ${visible(scan.raw_value)}  ${rest}`;
  return {
    recorded: (device: string, scan: SpooledScan, answer: Recorded) => {
      const { outcome, message, mode, asset } = answer;
      out.result({ device, ...scan, outcome, message, mode, asset }, () =>
        line(device, scan, `${outcome}: ${message}`),
      );
    },
    refused: (device: string, scan: SpooledScan, message: string) =>
      out.result({ device, ...scan, outcome: 'quarantined', message }, () =>
        line(device, scan, `quarantined: ${message}`),
      ),
    delayed: (device: string, reason: string) => out.note(`${device}: scans wait on disk. ${reason}`),
    state: stateOf(out),
  };
};

/** Each state once: a scanner that is away is tried again every second. */
function stateOf(out: Output): (device: string, state: ScannerState) => void {
  const told = new Map<string, string>();
  return (device, { state, message }) => {
    const text = message ?? state;
    if (told.get(device) !== text && state !== 'stopped') out.note(`${device}: ${text}`);
    told.set(device, text);
  };
}

function afterwards(host: DeviceHost, dir: string, out: Output): number | undefined {
  const all = host.health();
  const waiting = all.reduce((sum, station) => sum + station.waiting, 0);
  const quarantined = all.reduce((sum, station) => sum + station.quarantined, 0);
  const spool = join(dir, 'spool');
  if (waiting > 0) out.note(`${waiting} scans wait in ${spool} and are sent at the next start.`);
  if (quarantined > 0) out.note(`${quarantined} scans were refused: see the .quarantine files in ${spool}.`);
  return quarantined > 0 ? 1 : undefined;
}
