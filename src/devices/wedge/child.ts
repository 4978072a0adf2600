/**
 * The process that takes a keyboard wedge from the system: node-hid's libusb driver detaches it from the kernel while it is
 * open, so that it types nowhere else. A process of its own, since the driver counts for a whole process, and since the
 * keyboard is given back however this one ends.
 */
import type { Device, HIDAsync } from 'node-hid';
import { libraryFault, nodeHid } from '../hid/library.ts';
import { LineError } from '../scanner.ts';
import type { FromWedge, WedgeTarget } from './scanner.ts';

const tell = (message: FromWedge): void => void process.send?.(message);

let handle: HIDAsync | undefined;

/** Gives the keyboard back. */
async function end(): Promise<never> {
  await handle?.close().catch(() => undefined);
  process.exit(0);
}

async function take(target: WedgeTarget): Promise<void> {
  const hid = await nodeHid();
  (hid as unknown as { setDriverType(type: string): void }).setDriverType('libusb');
  const device = chosen(await hid.devicesAsync(), target);
  if (!device?.path)
    throw new LineError('DEVICE_MISSING', `${target.path} is not there. Plug the scanner in, or correct its identity.`);
  handle = await hid.HIDAsync.open(device.path);
  handle.on('data', (report: Buffer) => tell({ report: report.toString('hex') }));
  // Without an argument: the device is gone.
  handle.on('error', () => {
    tell({ lost: true });
    end();
  });
  tell({ opened: true });
}

/** libusb does not say which interface is the keyboard; /sys did before, else it is the first. */
function chosen(devices: Device[], { usb, serial, port }: WedgeTarget): Device | undefined {
  const own = devices.filter(
    ({ vendorId, productId, serialNumber }) =>
      `${hex(vendorId)}:${hex(productId)}` === usb && (serial === undefined || serialNumber === serial),
  );
  return (
    own.find(({ path }) => port !== '' && path === port) ?? own.sort((one, two) => one.interface - two.interface)[0]
  );
}

const hex = (number: number): string => number.toString(16).padStart(4, '0');

process.once('disconnect', end);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
process.once('message', (target: WedgeTarget) => {
  take(target).catch((error: Error) => {
    const known = error instanceof LineError ? error : libraryFault(error);
    tell({ failed: known?.reason ?? { code: 'DEVICE_FAILED', message: error.message } });
    end();
  });
});
