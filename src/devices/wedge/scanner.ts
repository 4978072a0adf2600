/** A scanner that is a keyboard (keyboard wedge), taken from the system so that it does not type on the console. */
import { type ChildProcess, fork } from 'node:child_process';
import { extname, join } from 'node:path';
import { openAlone } from '../exclusive.ts';
import { Framing } from '../framing.ts';
import { type HidNode, type HidPlaces, hidPlaces, identity, nodesAt, onlyOne } from '../hid/nodes.ts';
import { type Line, type LineHooks, missing, Reconnecting } from '../reconnecting.ts';
import { LineError, type OpenScanner, type Reason } from '../scanner.ts';
import { Keymap } from './keymap.ts';
import { bootLayout, isKeyboard, type KeyLayout, keyLayoutOf, keysIn } from './layout.ts';

/** How long a device may take to be taken over, in ms. */
const patience = 30_000;

export interface WedgeTarget {
  path: string;
  /** Vendor and product in lower case. */
  usb: string;
  serial: string | undefined;
  /** The keyboard's USB interface; empty where it is not known. */
  port: string;
}

/** What the process that has the keyboard says. */
export interface FromWedge {
  opened?: true;
  /** Hexadecimal. */
  report?: string;
  lost?: true;
  failed?: Reason;
}

export interface WedgeWire extends HidPlaces {
  /** The module that the process runs. */
  module: string;
}

const realWire: WedgeWire = {
  ...hidPlaces,
  module: join(import.meta.dirname, `child${extname(import.meta.filename)}`),
};

export const openWedge: OpenScanner = (path, settings, events) => wedgeOver(realWire)(path, settings, events);

export const wedgeOver =
  (wire: WedgeWire): OpenScanner =>
  (path, settings, events) => {
    const framing = new Framing(settings, events);
    const keymap = new Keymap(settings.keyboard);
    // While it is taken the system does not show it, so what was seen before is remembered.
    let known: { layout: KeyLayout; port: string } = { layout: bootLayout, port: '' };
    const hear = (report: Uint8Array) => {
      const pressed = keysIn(report, known.layout);
      if (pressed) framing.push(Buffer.from(keymap.press(pressed.modifiers, pressed.keys)));
    };
    return new Reconnecting(
      {
        name: path,
        watched: join(wire.dev, 'hidraw0'),
        open: async (hooks) => {
          const keyboard = keyboardAt(path, wire);
          if (keyboard) known = { layout: keyLayoutOf(keyboard.descriptor!), port: keyboard.port };
          const [, usb, serial] = identity.exec(path) ?? [];
          if (!usb)
            throw new LineError(
              'DEVICE_FAILED',
              `A wedge is named by its identity, VENDOR:PRODUCT or VENDOR:PRODUCT:SERIAL, not "${path}".`,
            );
          const target = { path, usb: usb.toLowerCase(), serial, port: known.port };
          // libusb says of a keyboard that another has no more than that it cannot be opened.
          return openAlone(`${wire.dev} ${path.toLowerCase()}`, () => taken(wire.module, target, hear, hooks));
        },
        reasonOf: ({ message }) => ({ code: 'DEVICE_FAILED', message: `${path} cannot be taken over: ${message}` }),
        reset: () => {
          framing.reset();
          keymap.reset();
        },
      },
      events,
    );
  };

function keyboardAt(path: string, wire: WedgeWire): HidNode | undefined {
  const found = identity.test(path) ? nodesAt(path, wire) : [];
  const keyboards = found.filter(({ descriptor }) => descriptor && isKeyboard(descriptor));
  if (keyboards.length > 0) return onlyOne(keyboards, path);
  if (found.length > 0 && found.every(({ descriptor }) => descriptor))
    throw new LineError(
      'DEVICE_WRONG_MODE',
      `${path} (${found[0]!.name}) is not in keyboard mode. Set it up with --kind hid.`,
    );
  return undefined;
}

function taken(
  module: string,
  target: WedgeTarget,
  hear: (report: Uint8Array) => void,
  hooks: LineHooks,
): Promise<Line> {
  const child = fork(module, [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  return new Promise((resolve, reject) => {
    child.on('message', ({ opened, report, lost, failed }: FromWedge) => {
      if (opened || failed) clearTimeout(timer);
      if (opened) resolve({ close: () => released(child) });
      if (report !== undefined) hear(Buffer.from(report, 'hex'));
      if (lost) hooks.lost();
      if (failed) reject(lineError(failed, target.path));
    });
    child.once('error', reject);
    const timer = setTimeout(() => {
      reject(new Error(`nothing came of it within ${patience / 1_000} seconds`));
      child.kill('SIGKILL');
    }, patience);
    child.once('exit', () => {
      clearTimeout(timer);
      reject(new Error('the process that takes it over ended'));
      hooks.lost(missing(`${target.path} was lost: the process that had it ended. It is taken again.`));
    });
    child.send(target, (error) => error && reject(error));
  });
}

/** hidapi does not say why; what the user may not open is the usual cause. */
const lineError = ({ code, message }: Reason, path: string): LineError =>
  code === 'DEVICE_FAILED' && /open/i.test(message)
    ? new LineError(
        'DEVICE_DENIED',
        `${path} cannot be taken over (${message}). Install packaging/udev/70-assetra.rules, add the user to the group assetra and replug.`,
      )
    : new LineError(code, message);

/** It ends when the channel closes, and gives the keyboard back. */
async function released(child: ChildProcess): Promise<void> {
  child.removeAllListeners('message').removeAllListeners('exit');
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill('SIGKILL'), 2_000);
  await gone;
  clearTimeout(timer);
}
