/** Commands for the scanners of this machine. */
import type { Definition, Flag } from '../command.ts';

const tenant: Flag = { spec: '--tenant <tenant>', about: 'id, slug or name of the tenant' };

export const devicesList: Definition = {
  usage: 'devices list',
  about: 'List what is plugged in and what is set up',
  flags: [tenant],
  examples: ['assetra devices list'],
};

export const devicesAdd: Definition = {
  usage: 'devices add <name>',
  about: 'Set up a scanner that the daemon reads',
  flags: [
    { ...tenant, required: true },
    { spec: '--kind <kind>', about: 'how it is connected', choices: ['serial'], fallback: 'serial' },
    {
      spec: '--path <path>',
      about: 'its device file; one under /dev/serial/by-id survives replugging',
      required: true,
    },
    { spec: '--baud <rate>', about: 'speed of the line (default: 9600)', type: 'number' },
    { spec: '--location <location>', about: 'code of the place where it stands' },
  ],
  examples: ['assetra devices add "Dock 3" --tenant plant-1 --path /dev/serial/by-id/usb-Honeywell_1900-if00'],
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
  flags: [tenant, { spec: '--path <path>', about: 'read this device file, set up or not' }],
  examples: ['assetra devices watch "Dock 3" --tenant plant-1', 'assetra devices watch --path /dev/ttyACM0'],
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
