/** Commands for screens beside a scanner. */
import { roleNames } from '../../resource/roles.ts';
import type { Definition } from '../command.ts';

export const pair: Definition = {
  usage: 'kiosk pair <name>',
  about: 'Print a one-time code that opens /kiosk/ on a screen',
  flags: [
    { spec: '--tenant <tenant>', about: 'id, slug or name of the tenant', required: true },
    {
      spec: '--role <role>',
      about: 'what the screen may do; one that may only read takes no scans of its own',
      choices: roleNames,
      fallback: 'operator',
    },
    { spec: '--minutes <minutes>', about: 'how long the code may be used', type: 'number', fallback: 15 },
    { spec: '--scanner <scanner>', about: 'show the scans of this scanner alone (default: of all, and its own)' },
  ],
  examples: [
    'assetra kiosk pair "Dock 3 screen" --tenant plant-1 --scanner "Dock 3"',
    'assetra kiosk pair "Dock 3 screen" --tenant plant-1 --minutes 60 --json',
  ],
  details:
    'The screen gets an API token of that name (`assetra token revoke` shuts it out). Pairing under the same name again gives it a new one, and the former is refused.',
};
