/** The HID devices of this machine, as Linux shows them in /sys: node-hid tells neither descriptors nor keyboards apart. */
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { LineError } from '../scanner.ts';
import { parseDescriptor, type ReportDescriptor } from './descriptor.ts';

export interface HidNode {
  /** Such as /dev/hidraw0; another one after a replug. */
  node: string;
  /** Vendor and product, such as `0c2e:0901`. */
  usb: string;
  serial: string;
  name: string;
  /** The USB interface, such as `1-1:1.0`, and the device that it is part of. */
  port: string;
  device: string;
  /** Undefined where it cannot be read. */
  descriptor: ReportDescriptor | undefined;
}

/** Where to look; another place in tests alone. */
export interface HidPlaces {
  sys: string;
  dev: string;
}

export const hidPlaces: HidPlaces = { sys: '/sys/class/hidraw', dev: '/dev' };

export function listHid({ sys, dev }: HidPlaces = hidPlaces): HidNode[] {
  let names: string[];
  try {
    names = readdirSync(sys).sort();
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const folder = join(sys, name, 'device');
    const about = textOf(join(folder, 'uevent'));
    const [, vendor, product] = /^HID_ID=\w+:0*(\w{4}):0*(\w{4})$/m.exec(about) ?? [];
    if (!vendor || !product) return [];
    const port = portOf(folder);
    return {
      node: join(dev, name),
      usb: `${vendor}:${product}`.toLowerCase(),
      serial: /^HID_UNIQ=(.*)$/m.exec(about)?.[1] ?? '',
      name: /^HID_NAME=(.*)$/m.exec(about)?.[1] ?? '',
      port,
      device: port.replace(/:.*$/, ''),
      descriptor: descriptorOf(join(folder, 'report_descriptor')),
    };
  });
}

/** `VID:PID` or `VID:PID:SERIAL`, in lower case but for the serial number. */
export const identity = /^([0-9a-f]{4}:[0-9a-f]{4})(?::(\S+))?$/i;

/** The nodes that the path means: a device file, or an identity. */
export function nodesAt(path: string, places: HidPlaces = hidPlaces): HidNode[] {
  const [, usb, serial] = identity.exec(path) ?? [];
  if (usb)
    return listHid(places).filter(
      (node) => node.usb === usb.toLowerCase() && (serial === undefined || node.serial === serial),
    );
  const node = realpathSync(path);
  return listHid(places).filter((one) => one.node === node);
}

/** The one of them. Throws DEVICE_AMBIGUOUS when they are of two devices that the path does not tell apart. */
export function onlyOne(found: HidNode[], path: string): HidNode {
  const devices = new Set(found.map(({ device, node }) => device || node));
  if (devices.size > 1) {
    const nodes = found.map(({ node, serial }) => (serial ? `${node} (serial ${serial})` : node)).join(', ');
    const message = `${path} is the identity of ${devices.size} devices: ${nodes}. Add the serial number, or unplug one.`;
    throw new LineError('DEVICE_AMBIGUOUS', message);
  }
  return found[0]!;
}

/** `1-1:1.0` of …/1-1:1.0/0003:0C2E:0901.0001; empty for a device that is not on USB. */
function portOf(folder: string): string {
  try {
    const port = basename(dirname(realpathSync(folder)));
    return /^\d+-[\d.]+:\d+\.\d+$/.test(port) ? port : '';
  } catch {
    return '';
  }
}

function descriptorOf(path: string): ReportDescriptor | undefined {
  try {
    return parseDescriptor(readFileSync(path));
  } catch {
    return undefined;
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
