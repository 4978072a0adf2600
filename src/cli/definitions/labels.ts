/** Commands that make and print label batches. */
import type { Definition, Flag } from '../command.ts';

const tenant: Flag = { spec: '--tenant <tenant>', about: 'id, slug or name of the tenant', required: true };

export const batchCreate: Definition = {
  usage: 'batch create',
  about: 'Create a batch of labels: a prefix and a run of numbers',
  flags: [
    tenant,
    { spec: '--prefix <text>', about: 'what every code begins with', fallback: '' },
    { spec: '--from <number>', about: 'first number', type: 'number', required: true },
    { spec: '--to <number>', about: 'last number', type: 'number', required: true },
    { spec: '--template <template>', about: 'name of the label template (default: a QR code)' },
  ],
  examples: ['assetra batch create --tenant plant-1 --prefix A- --from 1 --to 500'],
  details: 'A code is the prefix and the number, without leading zeros: A-1 to A-500.',
};

export const batchList: Definition = {
  usage: 'batch list',
  about: 'List the batches of a tenant',
  flags: [tenant],
  examples: ['assetra batch list --tenant plant-1'],
};

export const batchPrint: Definition = {
  usage: 'batch print [batch]',
  about: 'Print a batch, or labels of existing assets, on a printer or to a file',
  args: { batch: "the batch's id; left out with --tags or --query" },
  flags: [
    tenant,
    { spec: '--format <format>', about: 'what is written', choices: ['pdf', 'zpl', 'png'], fallback: 'pdf' },
    { spec: '--out <file>', about: 'where to write; - is standard output' },
    { spec: '--printer <printer>', about: 'print on this printer' },
    { spec: '--wait', about: 'with --printer: wait until it is printed' },
    {
      spec: '--from <number>',
      about: 'first label, by its number; says that some are to be printed again',
      type: 'number',
    },
    { spec: '--to <number>', about: 'last label, by its number', type: 'number' },
    { spec: '--tags <tags>', about: 'label these assets instead, commas between', type: 'list' },
    { spec: '--query <query>', about: 'label the assets that match, such as status=active' },
    { spec: '--template <template>', about: 'name of the label template' },
    { spec: '--sheet <sheet>', about: 'sheet of labels for an office printer, such as avery-5160' },
    { spec: '--start <place>', about: 'first free place of a part-used sheet', type: 'number' },
    { spec: '--offset-x <mm>', about: 'calibration: millimetres to the right' },
    { spec: '--offset-y <mm>', about: 'calibration: millimetres down' },
    { spec: '--outline', about: "draw the labels' edges, for a test page" },
  ],
  examples: [
    'assetra batch print 12 --tenant plant-1 --printer Dock --wait',
    'assetra batch print 12 --tenant plant-1 --format zpl --out labels.zpl',
    'assetra batch print --tenant plant-1 --tags A-1,A-2 --sheet avery-5160 --out labels.pdf',
  ],
};
