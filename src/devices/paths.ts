/** How each kind of scanner is named. */
import { isAbsolute } from 'node:path';
import { identity } from './hid/nodes.ts';
import type { DeviceKind } from './kinds.ts';

const forms: Record<DeviceKind, { fits: (path: string) => boolean; wanted: string }> = {
  serial: { fits: isAbsolute, wanted: 'Name the device file, such as /dev/serial/by-id/usb-….' },
  hid: {
    fits: (path) => isAbsolute(path) || identity.test(path),
    wanted: 'Name it VENDOR:PRODUCT or VENDOR:PRODUCT:SERIAL, such as 0c2e:0901, or by its device file.',
  },
  wedge: {
    fits: (path) => identity.test(path),
    wanted: 'Name it VENDOR:PRODUCT or VENDOR:PRODUCT:SERIAL, such as 0c2e:0901.',
  },
  tcp: { fits: isTcp, wanted: 'Name it tcp://HOST:PORT.' },
};

/** Why the path cannot be one of this kind; undefined when it can. */
export const pathFault = (kind: DeviceKind, path: string): string | undefined =>
  forms[kind].fits(path) ? undefined : forms[kind].wanted;

function isTcp(path: string): boolean {
  if (!URL.canParse(path)) return false;
  const { protocol, hostname, port, pathname } = new URL(path);
  return protocol === 'tcp:' && hostname !== '' && port !== '' && pathname.length <= 1;
}
