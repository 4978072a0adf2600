/** USB serial ports that have one identity: the same maker, product and serial number, or none. */
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Other device nodes with the identity of the one behind the path; none where that is no USB port. */
export function twinsOf(path: string, sys = '/sys/class/tty'): string[] {
  try {
    const own = basename(realpathSync(path));
    const device = usbDeviceOf(join(sys, own));
    if (!device) return [];
    const identity = identityOf(device);
    return readdirSync(sys)
      .filter((name) => /^tty(ACM|USB)\d+$/.test(name) && name !== own)
      .filter((name) => {
        const other = usbDeviceOf(join(sys, name));
        return other !== undefined && other !== device && identityOf(other) === identity;
      })
      .map((name) => `/dev/${name}`);
  } catch {
    return [];
  }
}

/** The folder of the USB device that a port belongs to, above its interface. */
function usbDeviceOf(port: string): string | undefined {
  let folder: string;
  try {
    folder = realpathSync(join(port, 'device'));
  } catch {
    return undefined;
  }
  for (let level = 0; level < 4; level += 1) {
    if (attribute(folder, 'idVendor') !== '') return folder;
    folder = dirname(folder);
  }
  return undefined;
}

const identityOf = (device: string): string =>
  ['idVendor', 'idProduct', 'serial'].map((name) => attribute(device, name)).join(':');

function attribute(folder: string, name: string): string {
  try {
    return readFileSync(join(folder, name), 'utf8').trim();
  } catch {
    return '';
  }
}
