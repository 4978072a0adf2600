/** The scanners that may be plugged into this machine: serial ports, and HID devices that are scanners or keyboards. */
import { accessSync, constants, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { DeviceError } from '../base/errors.ts';
import { type HidNode, listHid } from './hid/nodes.ts';
import { isPos } from './hid/pos.ts';
import type { DeviceKind } from './kinds.ts';
import { isKeyboard } from './wedge/layout.ts';

export interface Port {
  kind: DeviceKind;
  /** The name to put into a setting: it survives replugging where there is one. */
  path: string;
  /** The device file now behind it, such as /dev/ttyACM0. */
  node: string;
  manufacturer: string | null;
  /** USB vendor and product, such as `0c2e:0901`. */
  usb: string | null;
  serial_number: string | null;
  /** Another port has the same identity, so a name by identity may change hands. */
  ambiguous: boolean;
  /** This user may open it. */
  usable: boolean;
}

/** DeviceError where the operating system cannot say. */
export const listPorts = async (): Promise<Port[]> => marked([...(await serialPorts()), ...hidPorts(listHid())]);

type Plugged = Omit<Port, 'ambiguous' | 'usable'>;

async function serialPorts(): Promise<Plugged[]> {
  const { SerialPort } = await import('serialport');
  const found = await SerialPort.list().catch((error: Error) => {
    throw new DeviceError('DEVICE_LIST', `The ports cannot be listed (${error.message}). Is udev installed?`, {
      cause: error,
    });
  });
  const names = stableNames();
  const usable = found.filter(({ vendorId, path }) => vendorId || /ttyS\d+$/.test(path) === false);
  return usable.map(({ path: node, manufacturer, vendorId, productId, serialNumber }) => ({
    kind: 'serial',
    path: names.get(node) ?? node,
    node,
    manufacturer: manufacturer ?? null,
    usb: vendorId && productId ? `${vendorId}:${productId}`.toLowerCase() : null,
    serial_number: serialNumber ?? null,
  }));
}

export function hidPorts(nodes: readonly HidNode[]): Plugged[] {
  return nodes.flatMap(({ node, usb, serial, name, descriptor }) => {
    const kind = descriptor && (isPos(descriptor) ? 'hid' : isKeyboard(descriptor) ? 'wedge' : undefined);
    if (!kind) return [];
    const path = serial ? `${usb}:${serial}` : usb;
    return [{ kind, path, node, manufacturer: name || null, usb, serial_number: serial || null }];
  });
}

function marked(ports: readonly Plugged[]): Port[] {
  const identity = ({ kind, usb, serial_number }: Plugged) => (usb ? `${kind}/${usb}/${serial_number}` : null);
  return ports.map((port) => ({
    ...port,
    ambiguous: identity(port) !== null && ports.filter((other) => identity(other) === identity(port)).length > 1,
    usable: mayOpen(port.node),
  }));
}

export function mayOpen(node: string): boolean {
  try {
    accessSync(node, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Device file -> its link by identity, which udev keeps. */
function stableNames(): Map<string, string> {
  const folder = '/dev/serial/by-id';
  try {
    return new Map(readdirSync(folder).map((name) => [realpathSync(join(folder, name)), join(folder, name)]));
  } catch {
    return new Map();
  }
}
