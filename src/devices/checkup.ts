/** What is wrong with a scanner that is set up, without opening it: a running daemon has it. */
import { existsSync, realpathSync } from 'node:fs';
import { libraryFault, nodeHid } from './hid/library.ts';
import { type HidNode, type HidPlaces, hidPlaces, nodesAt, onlyOne } from './hid/nodes.ts';
import { isPos } from './hid/pos.ts';
import type { DeviceKind } from './kinds.ts';
import { mayOpen } from './ports.ts';
import { LineError } from './scanner.ts';
import { twinsOf } from './twins.ts';
import { isKeyboard } from './wedge/layout.ts';

export interface Checked {
  kind: DeviceKind;
  path: string;
}

/** A sentence that says what to do; undefined when nothing is found. */
export async function faultOf(
  { kind, path }: Checked,
  places: HidPlaces = hidPlaces,
  library = libraryIsMissing,
): Promise<string | undefined> {
  if (kind === 'serial') return serialFault(path);
  if (kind === 'tcp') return undefined;
  return (await library()) ?? (kind === 'hid' ? hidFault(path, places) : wedgeFault(path, places));
}

function serialFault(path: string): string | undefined {
  if (!existsSync(path)) return notPlugged;
  const node = realpathSync(path);
  if (!mayOpen(node))
    return `This user may not open ${node}. Add it to the group dialout (\`usermod -aG dialout USER\`) and start the daemon again.`;
  const twins = path.includes('/by-id/') ? twinsOf(path) : [];
  if (twins.length > 0) return `${twins.join(', ')} has the same identity. Use a path under /dev/serial/by-path.`;
  return undefined;
}

function hidFault(path: string, places: HidPlaces): string | undefined {
  const found = nodesOrNone(path, places);
  if (found.length === 0) return notPlugged;
  const suitable = found.filter(({ descriptor }) => !descriptor || isPos(descriptor));
  if (suitable.length === 0)
    return 'It is not in the mode HID POS. Scan the setup code "USB HID POS" of its manual, or set it up with --kind wedge.';
  const ambiguity = ambiguityOf(suitable, path);
  if (ambiguity) return ambiguity;
  const denied = suitable.find(({ node }) => !mayOpen(node));
  return denied && `This user may not open ${denied.node}. ${rules}`;
}

/** While a wedge is taken over the system does not show it. */
function wedgeFault(path: string, places: HidPlaces): string | undefined {
  const found = nodesOrNone(path, places);
  if (found.length === 0) return 'It is not plugged in, unless the daemon has taken it over: see /health/.';
  const keyboards = found.filter(({ descriptor }) => !descriptor || isKeyboard(descriptor));
  if (keyboards.length === 0) return 'It is not in keyboard mode. Set it up with --kind hid.';
  const ambiguity = ambiguityOf(keyboards, path);
  if (ambiguity) return ambiguity;
  return 'It types on the console: nothing has taken it over. Start the daemon.';
}

const notPlugged = 'It is not plugged in, or its path is another. See `assetra devices list`.';
const rules =
  'Copy packaging/udev/70-assetra.rules to /etc/udev/rules.d, run `udevadm control --reload`, add the user to the group assetra and replug.';

function nodesOrNone(path: string, places: HidPlaces): HidNode[] {
  try {
    return nodesAt(path, places);
  } catch {
    return [];
  }
}

function ambiguityOf(found: HidNode[], path: string): string | undefined {
  try {
    onlyOne(found, path);
    return undefined;
  } catch (error) {
    if (error instanceof LineError) return error.message;
    throw error;
  }
}

/** Scanners that are plugged in and that nobody here may open, set up or not: udev's rules are missing. */
export const deniedScanners = (nodes: readonly HidNode[]): string[] =>
  nodes
    .filter(({ descriptor, node }) => descriptor && isPos(descriptor) && !mayOpen(node))
    .map(({ node, name }) => `${name || 'A scanner'} (${node}) is plugged in and this user may not open it. ${rules}`);

async function libraryIsMissing(): Promise<string | undefined> {
  try {
    await (await nodeHid()).devicesAsync();
    return undefined;
  } catch (error) {
    return libraryFault(error as Error)?.message;
  }
}
