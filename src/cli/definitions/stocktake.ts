/** Commands of a stock-take, in the order in which it goes. */
import type { Definition, Flag } from '../command.ts';

const about = 'id, slug or name of the tenant';
const tenant: Flag = { spec: '--tenant <tenant>', about, required: true };
/** The session's id says whose it is. */
const anyTenant: Flag = { spec: '--tenant <tenant>', about: `${about} (default: the session's)` };
const session = { session: "the session's id, as `stocktake list` shows it" };

export const open: Definition = {
  usage: 'stocktake open <name>',
  about: 'Open a session: what should be there is noted now',
  args: { name: 'what the report is called' },
  flags: [
    tenant,
    { spec: '--location <code>', about: 'code of the location; left out, the first scan that names one decides' },
    { spec: '--include-sublocations', about: 'count all locations below it too' },
  ],
  examples: ['assetra stocktake open "Ward 3, March" --tenant plant-1 --location WARD-3'],
};

export const count: Definition = {
  usage: 'stocktake count <session>',
  about: 'Count codes, one a line, from a file or standard input',
  args: session,
  flags: [anyTenant, { spec: '--file <file>', about: 'where the codes are; - is standard input', fallback: '-' }],
  examples: ['assetra stocktake count 7 --file codes.txt', 'assetra stocktake count 7'],
  details:
    'Each line is a scan, so a file that is given twice counts twice. Several of these, kiosks and apps may count at once.\n' +
    'A code that names nothing is kept and reported. Ends with 1 when a line could not be counted.',
};

export const close: Definition = {
  usage: 'stocktake close <session>',
  about: 'End the count and freeze its outcome',
  args: session,
  flags: [anyTenant],
  examples: ['assetra stocktake close 7'],
};

export const report: Definition = {
  usage: 'stocktake report <session>',
  about: 'Show what was found and what was not, while it is counted too',
  args: session,
  flags: [
    anyTenant,
    { spec: '--format <format>', about: 'write a file instead', choices: ['pdf', 'csv', 'json'] },
    { spec: '--out <file>', about: 'where to write it; - is standard output' },
  ],
  examples: ['assetra stocktake report 7', 'assetra stocktake report 7 --format pdf --out ward-3.pdf'],
};

export const reconcile: Definition = {
  usage: 'stocktake reconcile <session>',
  about: "Correct the assets' records by what was found",
  args: session,
  flags: [
    anyTenant,
    { spec: '--apply-moves', about: 'move here whatever was seen here and is recorded elsewhere' },
    { spec: '--mark-lost', about: 'mark lost whatever was expected and not seen, unless it is checked out' },
    { spec: '--move <tags>', about: 'move these here, commas between; a lost one becomes active', type: 'list' },
    { spec: '--lost <tags>', about: 'mark these lost, checked out or not', type: 'list' },
    { spec: '--ignore <tags>', about: 'leave these as they are, with a record of it', type: 'list' },
    { spec: '--dry-run', about: 'show what would be done, and do nothing' },
  ],
  examples: [
    'assetra stocktake reconcile 7 --apply-moves --mark-lost --dry-run',
    'assetra stocktake reconcile 7 --apply-moves --mark-lost --ignore A-12,A-40',
  ],
  details:
    'All of it or nothing is done, each correction with a history record. What changed since the close is left alone.',
};

export const list: Definition = {
  usage: 'stocktake list',
  about: 'List the sessions of a tenant, newest first',
  flags: [tenant],
  examples: ['assetra stocktake list --tenant plant-1'],
};
