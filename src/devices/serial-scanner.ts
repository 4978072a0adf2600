/** A scanner on a serial line: RS-232, USB CDC, a pty. */
import { existsSync, realpathSync } from 'node:fs';
import type { SerialPort } from 'serialport';
import { Framing } from './framing.ts';
import { type Line, type LineHooks, missing, Reconnecting } from './reconnecting.ts';
import type { OpenScanner, Reason } from './scanner.ts';
import type { DeviceSettings } from './settings.ts';
import { twinsOf } from './twins.ts';

/** How often an open line's device node is looked for, in ms: after a hang-up the driver may read nothing for ever. */
const presence = 1_000;
/** Bytes that may wait to be sent. */
const most = 1_024;

export const openSerial: OpenScanner = (path, settings, events) => {
  const framing = new Framing(settings, events);
  return new Reconnecting(
    {
      name: path,
      watched: path,
      open: (hooks) => openPort(path, settings, framing, hooks),
      reasonOf: (error) => reasonOf(error, path),
      reset: () => framing.reset(),
    },
    events,
  );
};

async function openPort(path: string, settings: DeviceSettings, framing: Framing, hooks: LineHooks): Promise<Line> {
  const { SerialPort } = await import('serialport');
  const { baud_rate: baudRate, data_bits: dataBits, stop_bits: stopBits, parity } = settings;
  const port = new SerialPort({ path, baudRate, dataBits, stopBits, parity, autoOpen: false });
  await new Promise<void>((resolve, reject) => port.open((error) => (error ? reject(error) : resolve())));
  let isGone = false;
  const gone = () => {
    isGone = true;
    hooks.lost();
  };
  port.on('data', (bytes: Buffer) => isGone || framing.push(bytes));
  port.on('close', gone);
  // A read error is followed by a close; both mean unplugged.
  port.on('error', gone);
  const guard = guardOf(path, gone);
  const close = async () => {
    isGone = true;
    clearInterval(guard);
    await closed(port);
  };
  // A scanner that takes nothing more, as with flow control, costs no memory.
  const send = (bytes: Uint8Array) => void (port.writableLength < most && port.write(Buffer.from(bytes)));
  return { close, send, remark: remarkOn(path) };
}

const closed = (port: SerialPort): Promise<void> =>
  port.isOpen ? new Promise((resolve) => port.close(() => resolve())) : Promise.resolve();

/** serialport reads on and on when a line ends with nothing instead of an error, and tells nobody. */
function guardOf(path: string, gone: () => void): NodeJS.Timeout {
  const node = nodeOf(path);
  return setInterval(() => node && !existsSync(node) && gone(), presence);
}

/** The device node behind the path, whose link may go and come while the device stays. */
function nodeOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** udev gives a name by identity to whichever of two alike was plugged in last. */
function remarkOn(path: string): Reason | undefined {
  const twins = path.includes('/by-id/') ? twinsOf(path) : [];
  if (twins.length === 0) return undefined;
  const message = `${path} may be either of two: ${twins.join(', ')} has the same identity. Use their names under /dev/serial/by-path.`;
  return { code: 'DEVICE_AMBIGUOUS', message };
}

function reasonOf(error: Error, path: string): Reason {
  const text = error.message;
  if (/no such file|ENOENT|ENXIO|no such device/i.test(text))
    return missing(`${path} is not there. Plug the scanner in, or correct its path.`);
  if (/lock port|temporarily unavailable|EBUSY|resource busy/i.test(text))
    return { code: 'DEVICE_BUSY', message: `Another program has ${path} open. Stop it.` };
  if (/permission denied|EACCES|EPERM/i.test(text))
    return {
      code: 'DEVICE_DENIED',
      message: `This user may not open ${path}. Add it to the group dialout and start again.`,
    };
  return {
    code: 'DEVICE_FAILED',
    message: `${path} cannot be opened as a serial line: ${text.replace(/^Error: /, '')}`,
  };
}
