/** Commands about the history: whether it is what was written, and proof of it for others. */
import type { Definition, Flag } from '../command.ts';

const tenant: Flag = { spec: '--tenant <tenant>', about: 'only this tenant (id, slug or name); all when left out' };

export const auditVerify: Definition = {
  usage: 'audit verify',
  about: 'Check that no record of the history was changed, taken away, put in or moved',
  flags: [
    tenant,
    { spec: '--from <sequence>', about: 'first record of the chain to check; needs --tenant', type: 'number' },
    {
      spec: '--checkpoint <file>',
      about: "signed checkpoints to hold it against (default: the site's files/audit-checkpoints.jsonl)",
    },
    { spec: '--key <file>', about: "public key that they were signed with (default: the site's keys/audit.pub)" },
  ],
  examples: [
    'assetra audit verify',
    'assetra audit verify --tenant plant-1 --json',
    'assetra audit verify --checkpoint /mnt/offsite/audit-checkpoints.jsonl --key /mnt/offsite/audit.pub',
  ],
  details:
    'Exit code 0: nothing is wrong; 1: the first bad record is named with its kind (edit, delete, insert, reorder, ' +
    'truncate, rewrite, checkpoint); 2: the history could not be read. A cut end and a rewrite of the whole chain only ' +
    'show against checkpoints: keep a copy of them, and of the key, where nobody with access to the database can write.',
};

export const auditExport: Definition = {
  usage: 'audit export',
  about: 'Write the history as a bundle that can be checked without Assetra',
  flags: [tenant, { spec: '--out <file>', about: 'the bundle (default: audit-DATE.tar.gz)' }],
  examples: ['assetra audit export', 'assetra audit export --tenant plant-1 --out /mnt/usb/plant-1.tar.gz'],
  details: 'Unpack it and run `node verify.mjs` in its folder: no network, no other package.',
};

export const auditCheckpoint: Definition = {
  usage: 'audit checkpoint',
  about: 'Sign where the history stands now; the daemon does so every hour and when it stops',
  examples: ['assetra audit checkpoint'],
  details: 'What came since the last checkpoint is checked first; exit code 1 when it does not hold.',
};
