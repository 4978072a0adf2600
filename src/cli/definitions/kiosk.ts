/** Commands for screens beside a scanner. */
import { modes } from '../../devices/kinds.ts';
import { cardKinds, cardSymbologies } from '../../domain/kiosk/cards.ts';
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
    {
      spec: '--location <location>',
      about: "code of the place where the screen stands, for scans made on it (default: the scanner's)",
    },
    {
      spec: '--mode <mode>',
      about: 'what scans made on it do until a command code says otherwise (default: as the scanner, else record)',
      choices: modes,
    },
    {
      spec: '--mode-timeout <seconds>',
      about: 'silence this long ends what a command code began (default: as the scanner, else 120)',
      type: 'number',
    },
  ],
  examples: [
    'assetra kiosk pair "Dock 3 screen" --tenant plant-1 --scanner "Dock 3"',
    'assetra kiosk pair "Tool desk" --tenant plant-1 --location TOOLS --mode check_out',
    'assetra kiosk pair "Dock 3 screen" --tenant plant-1 --minutes 60 --json',
  ],
  details:
    'The screen gets an API token of that name (`assetra token revoke` shuts it out). Pairing under the same name again gives it a new one, and the former is refused.',
};

export const codes: Definition = {
  usage: 'kiosk codes',
  about: 'Print the cards to scan beside a kiosk: command codes, places, badges',
  flags: [
    { spec: '--tenant <tenant>', about: 'id, slug or name of the tenant', required: true },
    {
      spec: '--only <kinds>',
      about: `which, commas between: ${cardKinds.join(', ')} (default: commands,locations)`,
      type: 'list',
    },
    { spec: '--places <codes>', about: 'only the places with these codes, commas between', type: 'list' },
    { spec: '--symbology <symbology>', about: 'how they are drawn', choices: cardSymbologies, fallback: 'qr' },
    { spec: '--out <file>', about: 'where the PDF goes, - for standard output', fallback: 'kiosk-codes.pdf' },
  ],
  examples: [
    'assetra kiosk codes --tenant plant-1',
    'assetra kiosk codes --tenant plant-1 --only commands --symbology code128 --out commands.pdf',
    'assetra kiosk codes --tenant plant-1 --only badges --out badges.pdf',
  ],
  details:
    'Ten cards to an A4 page; print at 100 %. A badge lets whoever holds it take things in its name, so badges are printed only when they are named.',
};
