/** What is plugged into this machine's serial ports. */
import { readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { DeviceError } from '../base/errors.ts';

export interface Port {
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
}

/** DeviceError where the operating system cannot say. */
export async function listPorts(): Promise<Port[]> {
  const { SerialPort } = await import('serialport');
  const found = await SerialPort.list().catch((error: Error) => {
    throw new DeviceError('DEVICE_LIST', `The ports cannot be listed (${error.message}). Is udev installed?`, {
      cause: error,
    });
  });
  const names = stableNames();
  const usable = found.filter(({ vendorId, path }) => vendorId || /ttyS\d+$/.test(path) === false);
  const ports = usable.map(({ path: node, manufacturer, vendorId, productId, serialNumber }) => ({
    path: names.get(node) ?? node,
    node,
    manufacturer: manufacturer ?? null,
    usb: vendorId && productId ? `${vendorId}:${productId}`.toLowerCase() : null,
    serial_number: serialNumber ?? null,
  }));
  const identity = ({ usb, serial_number }: (typeof ports)[number]) => (usb ? `${usb}/${serial_number}` : null);
  return ports.map((port) => ({
    ...port,
    ambiguous: identity(port) !== null && ports.filter((other) => identity(other) === identity(port)).length > 1,
  }));
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
