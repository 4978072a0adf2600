/** node-hid, loaded when the first device needs it: it is linked against libraries that a slim machine may lack. */
import { LineError } from '../scanner.ts';

/** Throws DEVICE_LIBRARY with what to install. */
export async function nodeHid(): Promise<typeof import('node-hid')> {
  const { default: hid } = await import('node-hid');
  return hid as typeof import('node-hid');
}

/** Undefined for an error of another kind. */
export function libraryFault(error: Error): LineError | undefined {
  const isLibrary =
    (error as NodeJS.ErrnoException).code === 'ERR_DLOPEN_FAILED' || /shared object/.test(error.message);
  if (!isLibrary) return undefined;
  const library = /lib(?:usb|udev)[\w.-]*/.exec(error.message)?.[0] ?? 'a library';
  return new LineError(
    'DEVICE_LIBRARY',
    `USB HID scanners need ${library}, which this machine lacks. Run \`apt install libudev1 libusb-1.0-0\`.`,
  );
}
