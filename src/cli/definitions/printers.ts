/** Commands for label printers, how labels look, and a printer that is not there. */
import type { Definition, Flag } from '../command.ts';

const tenant: Flag = { spec: '--tenant <tenant>', about: 'id, slug or name of the tenant', required: true };
const job: Flag = { spec: '--job <id>', about: 'that print job alone', type: 'number' };

export const printerList: Definition = {
  usage: 'printer list',
  about: 'List the printers of a tenant, with what each waits for',
  flags: [tenant],
  examples: ['assetra printer list --tenant plant-1'],
};

export const printerAdd: Definition = {
  usage: 'printer add <name>',
  about: 'Set up a label printer, and ask it what it is',
  flags: [
    tenant,
    {
      spec: '--url <url>',
      about:
        'tcp://HOST:9100, /dev/usb/lp0, serial:/dev/ttyUSB0?baud=9600, ipp://HOST/printers/QUEUE, file:PATH or dir:FOLDER',
      required: true,
    },
    { spec: '--template <template>', about: 'template of labels that are not of a batch' },
    { spec: '--default', about: "the tenant's printer where none is named" },
    {
      spec: '--chunk <labels>',
      about: 'labels that it is given at once (default: 25); 1 for a peeler',
      type: 'number',
    },
    { spec: '--offset-x <mm>', about: 'calibration: millimetres to the right' },
    { spec: '--offset-y <mm>', about: 'calibration: millimetres down' },
  ],
  examples: [
    'assetra printer add Dock --tenant plant-1 --url tcp://192.0.2.10:9100 --default',
    'assetra printer add Office --tenant plant-1 --url ipp://192.0.2.11/ipp/print',
  ],
  details: 'A printer that never answers is set up with ?status=none: its labels are sent and never confirmed.',
};

export const printerRemove: Definition = {
  usage: 'printer remove <name>',
  about: 'Forget a printer, with its print jobs',
  flags: [tenant],
  examples: ['assetra printer remove Dock --tenant plant-1'],
};

export const printerStatus: Definition = {
  usage: 'printer status [name]',
  about: 'Ask printers how they are: paper, head, ribbon, pause, labels that wait',
  flags: [tenant],
  examples: ['assetra printer status --tenant plant-1', 'assetra printer status Dock --tenant plant-1'],
  details: 'Exits 1 when one of them cannot print.',
};

export const printerTest: Definition = {
  usage: 'printer test <name>',
  about: 'Print a test label',
  flags: [
    tenant,
    { spec: '--template <template>', about: 'name of the label template' },
    { spec: '--no-wait', about: 'do not wait until it is printed' },
  ],
  examples: ['assetra printer test Dock --tenant plant-1'],
};

export const printerResume: Definition = {
  usage: 'printer resume <name>',
  about: 'Print labels again whose fate is unknown, and try the printer at once',
  flags: [
    tenant,
    job,
    {
      spec: '--from <number>',
      about: 'first label to print again; those in doubt before it did come out',
      type: 'number',
    },
  ],
  examples: ['assetra printer resume Dock --tenant plant-1 --from 118'],
  details:
    'A printer that was out of paper, open, paused or switched off goes on by itself. Labels are in doubt when the power or the\nline broke while the printer had them: look which came out, then say from which number they are to be printed again.',
};

export const printerCancel: Definition = {
  usage: 'printer cancel <name>',
  about: 'Give up print jobs: what has not gone out will not',
  flags: [tenant, job],
  examples: ['assetra printer cancel Dock --tenant plant-1', 'assetra printer cancel Dock --tenant plant-1 --job 7'],
};

export const templateList: Definition = {
  usage: 'template list',
  about: 'List label templates: those of the tenant and those that are shipped',
  flags: [tenant],
  examples: ['assetra template list --tenant plant-1'],
};

export const templateShow: Definition = {
  usage: 'template show <template>',
  about: 'Show a label template whole',
  flags: [tenant],
  examples: ['assetra template show 50x25 --tenant plant-1'],
};

const code: Flag = { spec: '--code <code>', about: 'what the symbol says', fallback: 'ASSET-000123' };

export const templateCheck: Definition = {
  usage: 'template check <template>',
  about: 'Tell whether a code fits on a template, at each resolution',
  flags: [tenant, code],
  examples: ['assetra template check 50x25 --tenant plant-1 --code A-100000'],
  details: 'Exits 1 when it does not fit at the resolution of the template.',
};

export const templatePreview: Definition = {
  usage: 'template preview <template>',
  about: 'Draw a label as PNG, into a file or onto the terminal',
  flags: [
    tenant,
    code,
    { spec: '--tag <tag>', about: 'an asset whose label it is' },
    { spec: '--out <file>', about: 'where to write; - is standard output (default: shown, where the terminal can)' },
  ],
  examples: ['assetra template preview 50x25 --tenant plant-1 --out label.png'],
  details: 'kitty, Ghostty, WezTerm and iTerm2 show the picture itself; other terminals get a file.',
};

export const simulatePrinter: Definition = {
  usage: 'simulate printer',
  about: 'Be a ZPL printer on a TCP port, with everything that goes wrong with real ones',
  flags: [
    { spec: '--port <port>', about: 'port to listen on; 0 picks a free one', type: 'number', fallback: 9100 },
    { spec: '--host <address>', about: 'address to listen on', fallback: '127.0.0.1' },
    { spec: '--out <folder>', about: 'keep each label as ZPL and PNG there' },
    { spec: '--speed <ms>', about: 'time that a label takes', type: 'number', fallback: 200 },
    { spec: '--dpi <dpi>', about: 'resolution', choices: ['203', '300', '600'], fallback: '203' },
    { spec: '--one-client', about: 'take one connection at a time' },
    {
      spec: '--answers <when>',
      about: 'whether it answers ~HS: newer firmware does not while it cannot print',
      choices: ['always', 'unless_blocked', 'never'],
      fallback: 'always',
    },
    { spec: '--drain <bytes>', about: 'bytes a second that it reads; 0 reads none', type: 'number' },
  ],
  examples: ['assetra simulate printer --port 9100 --out labels'],
  details:
    'Lines on standard input change its state: `paper_out`, `head_open`, `ribbon_out` and `paused` with `on` or `off`, `roll N` (labels left),\n`power off`, `power on`, `reset` (the network breaks), `reset N` (in the midst of the label N from now),\n`blackout MS` (its power fails and the line does not break, as a serial one), `speed MS`, `status`, `quit`.',
};
