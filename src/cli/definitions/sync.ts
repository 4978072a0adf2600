/** Commands about what apps sent: values that lost, and what could not be stored. */
import type { Definition, Flag } from '../command.ts';

const tenant: Flag = { spec: '--tenant <tenant>', about: 'id, slug or name of the tenant', required: true };
const limit: Flag = {
  spec: '--limit <number>',
  about: 'how many, newest first; at most 500',
  type: 'number',
  fallback: 50,
};

export const conflicts: Definition = {
  usage: 'sync conflicts',
  about: 'List the values that lost when offline edits met other changes',
  flags: [
    tenant,
    { spec: '--state <state>', about: 'open: nobody has settled it yet', choices: ['open', 'settled'] },
    { spec: '--asset <tag>', about: 'only of the asset with this tag' },
    { spec: '--device <device>', about: 'only of edits that this device sent' },
    limit,
  ],
  examples: ['assetra sync conflicts --tenant plant-1 --state open'],
  details: 'An app settles its own; others are settled by POST /api/v1/sync-conflicts/ID/resolve/.',
};

export const quarantine: Definition = {
  usage: 'sync quarantine',
  about: 'List the scans and edits that could not be stored, as they were sent',
  flags: [tenant, { spec: '--device <device>', about: 'only what this device sent' }, limit],
  examples: ['assetra sync quarantine --tenant plant-1', 'assetra sync quarantine --tenant plant-1 --json'],
  details: 'With --json each has `raw`, the whole item.',
};
