/** A scanner in the mode HID POS: no keyboard, no layout, and the AIM identifier always comes with the code. */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { openAlone } from '../exclusive.ts';
import { Reading } from '../reading.ts';
import { type Line, type LineHooks, missing, Reconnecting } from '../reconnecting.ts';
import { LineError, type OpenScanner, type Reason } from '../scanner.ts';
import { libraryFault, nodeHid } from './library.ts';
import { type HidNode, type HidPlaces, hidPlaces, identity, nodesAt, onlyOne } from './nodes.ts';
import { isPos, layoutsOf, type PosLayout, PosReader, usualLayout } from './pos.ts';

/** An open node. node-hid's HIDAsync is one. */
export interface HidHandle {
  on(event: 'data', listener: (report: Uint8Array) => void): unknown;
  /** Its argument may be missing: it says no more than that the device is gone. */
  on(event: 'error', listener: (error?: unknown) => void): unknown;
  sendFeatureReport(report: number[]): Promise<unknown>;
  close(): Promise<void>;
}

export interface HidWire extends HidPlaces {
  open(node: string): Promise<HidHandle>;
}

const realWire: HidWire = {
  ...hidPlaces,
  open: async (node) => {
    // hidapi says the same of a node that is missing and one that is forbidden.
    accessSync(node, constants.R_OK | constants.W_OK);
    const { HIDAsync } = await nodeHid();
    return HIDAsync.open(node) as unknown as Promise<HidHandle>;
  },
};

/** What a maker wants besides. */
const quirks: Record<string, { begin?: number[] }> = {
  // Honeywell types on as a keyboard until it is told.
  '0c2e': { begin: [254, 1] },
};

export const openHid: OpenScanner = (path, settings, events) => hidOver(realWire)(path, settings, events);

export const hidOver =
  (wire: HidWire): OpenScanner =>
  (path, settings, events) => {
    const reading = new Reading(settings, events);
    let reader: PosReader | undefined;
    return new Reconnecting(
      {
        name: path,
        watched: identity.test(path) ? join(wire.dev, 'hidraw0') : path,
        open: async (hooks) => {
          const node = nodeAt(path, wire);
          reader = new PosReader(layoutFor(node), {
            code: (bytes) => reading.take(bytes),
            overflow: () => events.overflow(),
          });
          const own = reader;
          // hidraw gives each report to whoever has it open: two readers would record each scan twice.
          return openAlone(node.node, () => openNode(wire, node, own, hooks));
        },
        reasonOf: (error) => reasonOf(error, path),
        reset: () => reader?.reset(),
      },
      events,
    );
  };

function nodeAt(path: string, wire: HidWire): HidNode {
  const found = nodesAt(path, wire);
  if (found.length === 0)
    throw new LineError('DEVICE_MISSING', `${path} is not there. Plug the scanner in, or correct its path.`);
  const suitable = found.filter(({ descriptor }) => descriptor === undefined || isPos(descriptor));
  if (suitable.length > 0) return onlyOne(suitable, path);
  throw new LineError(
    'DEVICE_WRONG_MODE',
    `${path} (${found[0]!.name}) is plugged in but not in the mode HID POS. Scan the setup code "USB HID POS" of its manual, or set it up as a wedge.`,
  );
}

function layoutFor({ descriptor }: HidNode): PosLayout[] {
  const layouts = descriptor ? layoutsOf(descriptor) : [];
  return layouts.length > 0 ? layouts : [usualLayout];
}

async function openNode(wire: HidWire, node: HidNode, reader: PosReader, hooks: LineHooks): Promise<Line> {
  const handle = await wire.open(node.node);
  let isGone = false;
  handle.on('data', (report) => isGone || reader.push(report));
  handle.on('error', () => {
    isGone = true;
    hooks.lost();
  });
  const { begin } = quirks[node.usb.slice(0, 4)] ?? {};
  // A model that needs no such order refuses it.
  if (begin) await handle.sendFeatureReport(begin).catch(() => undefined);
  return {
    close: async () => {
      isGone = true;
      await handle.close().catch(() => undefined);
    },
  };
}

function reasonOf(error: Error, path: string): Reason {
  const library = libraryFault(error);
  if (library) return library.reason;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || /no such/i.test(message))
    return missing(`${path} is not there. Plug the scanner in, or correct its path.`);
  if (code === 'EACCES' || code === 'EPERM')
    return {
      code: 'DEVICE_DENIED',
      message: `This user may not open ${path}. Install packaging/udev/70-assetra.rules, add the user to the group assetra and replug.`,
    };
  return { code: 'DEVICE_FAILED', message: `${path} cannot be opened as a HID device: ${message}` };
}
