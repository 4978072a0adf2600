/** Commands for the scanners of this machine. */
import { deviceKinds, modes } from '../../devices/kinds.ts';

import type { Definition, Flag } from '../command.ts';

const tenant: Flag = { spec: '--tenant <tenant>', about: 'id, slug or name of the tenant' };
const kind: Flag = { spec: '--kind <kind>', about: 'how it is connected', choices: deviceKinds, fallback: 'serial' };
const mode: Flag = {
  spec: '--mode <mode>',
  about: 'what scans do until a command code says otherwise',
  choices: modes,
};
const set: Flag = {
  spec: '--set <settings>',
  about: 'settings as KEY=VALUE, commas between: see docs/HARDWARE.md',
  type: 'list',
};

export const devicesList: Definition = {
  usage: 'devices list',
  about: 'List what is plugged in and what is set up here',
  flags: [tenant],
  examples: ['assetra devices list'],
};

export const devicesAdd: Definition = {
  usage: 'devices add <name>',
  about: 'Set up a scanner that the daemon reads',
  flags: [
    { ...tenant, required: true },
    kind,
    {
      spec: '--path <path>',
      about: 'its device file (best under /dev/serial/by-id), VENDOR:PRODUCT[:SERIAL], or tcp://HOST:PORT',
      required: true,
    },
    { spec: '--location <location>', about: 'code of the place where it stands' },
    mode,
    set,
    {
      spec: '--baud <rate>',
      about: 'speed of the line, the same as --set baud_rate=… (default: 9600)',
      type: 'number',
    },
  ],
  examples: [
    'assetra devices add "Dock 3" --tenant plant-1 --path /dev/serial/by-id/usb-Honeywell_1900-if00',
    'assetra devices add "Tool room" --tenant plant-1 --kind hid --path 0c2e:0901 --location TOOLS --mode check_out',
    'assetra devices add "Gate" --tenant plant-1 --kind tcp --path tcp://192.0.2.7:4001 --set \'gs_substitute=|,aim=strip\'',
  ],
};

export const devicesRemove: Definition = {
  usage: 'devices remove <name>',
  about: 'Forget a scanner; its scans stay',
  flags: [{ ...tenant, required: true }],
  examples: ['assetra devices remove "Dock 3" --tenant plant-1'],
};

export const devicesWatch: Definition = {
  usage: 'devices watch [name]',
  about: 'Print scans as they come, and record nothing',
  flags: [tenant, { spec: '--path <path>', about: 'read this one, set up or not' }, kind],
  examples: [
    'assetra devices watch "Dock 3" --tenant plant-1',
    'assetra devices watch --path /dev/ttyACM0',
    'assetra devices watch --kind hid --path 0c2e:0901',
  ],
};

export const devicesTest: Definition = {
  usage: 'devices test <name>',
  about: 'Open a scanner and wait for one scan, to see that it works',
  flags: [
    { ...tenant, required: true },
    { spec: '--seconds <seconds>', about: 'how long to wait', type: 'number', fallback: 30 },
  ],
  examples: ['assetra devices test "Dock 3" --tenant plant-1'],
};

export const devicesRun: Definition = {
  usage: 'devices run',
  about: 'Send the scans of this machine to a daemon elsewhere, and keep them on disk while it is away',
  flags: [
    { spec: '--server <url>', about: 'address of the daemon' },
    { spec: '--token <token>', about: 'API token with the role operator; other users of this machine may see it' },
    { spec: '--token-file <file>', about: 'file that holds the token' },
    { ...tenant, about: 'slug or id of the tenant (default: the one that the token is of)' },
    { spec: '--path <path>', about: 'one scanner, in place of those in devices.json' },
    { ...kind, fallback: 'serial' },
    { spec: '--stdin', about: 'read codes from standard input, one a line, and end with it' },
    { spec: '--name <name>', about: 'what the scanner is called (default: its path)' },
    { spec: '--location <location>', about: 'code of the place where it stands' },
    mode,
    set,
  ],
  examples: [
    'assetra devices run --dir /var/lib/assetra-dock --server https://assetra.example:8000 --token-file /etc/assetra/dock.token',
    'assetra devices run --server http://192.0.2.5:8000 --token-file dock.token --path /dev/ttyACM0 --name "Dock 3" --location DOCK-3',
    'assetra devices run --server http://192.0.2.5:8000 --token-file dock.token --stdin --name Import < codes.txt',
  ],
  details:
    'Scans wait in spool/ of the folder until the daemon has them, each once. The scanners are those in devices.json of ' +
    'the folder, or the one that is named. Exit code 1: scans were refused and are in the quarantine files.',
};

export const simulateScanner: Definition = {
  usage: 'simulate scanner [codes...]',
  about: 'Type codes as a scanner would, on a pty or a TCP port',
  args: { codes: 'what to type; <GS> stands for the group separator' },
  flags: [
    { spec: '--pty <path>', about: 'make a serial line here (needs socat), for a device of kind serial' },
    { spec: '--listen <address>', about: 'take connections on [HOST:]PORT, for a device of kind tcp' },
    { spec: '--file <file>', about: 'type the lines of this file; - is standard input' },
    { spec: '--random <count>', about: 'type so many made-up codes', type: 'number' },
    { spec: '--repeat <times>', about: 'type all of it so many times; 0 is for ever', type: 'number', fallback: 1 },
    {
      spec: '--rate <rate>',
      about: 'codes a second; 0 is as fast as the line takes them',
      type: 'number',
      fallback: 2,
    },
    { spec: '--prefix <text>', about: 'before each code', fallback: '' },
    { spec: '--suffix <text>', about: 'after each code, with \\r, \\n and \\t', fallback: '\\r' },
    { spec: '--gs <text>', about: 'what is sent in place of the group separator' },
    { spec: '--seed <number>', about: 'the same made-up codes again', type: 'number' },
    { spec: '--linger <seconds>', about: 'stay plugged in so long after the last code', type: 'number', fallback: 1 },
  ],
  examples: [
    'assetra simulate scanner --pty /tmp/scanner A-1 A-2 CMD:CHECK-IN A-1',
    'assetra simulate scanner --listen 4001 --random 1000 --rate 20',
    "assetra simulate scanner --pty /tmp/scanner --prefix '>' --gs '|' '010952123454321310AB<GS>21C'",
  ],
  details:
    'It waits until someone opens the line, types, and ends. With --json each code that was typed is told as it was sent.',
};
