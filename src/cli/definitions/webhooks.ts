/** Commands about webhooks, and about what was given up. */
import type { Definition, Flag } from '../command.ts';

const tenant: Flag = { spec: '--tenant <tenant>', about: 'id, slug or name of the tenant' };
const endpoint = { endpoint: 'its id or name' };

export const webhookTest: Definition = {
  usage: 'webhook test <endpoint>',
  about: 'Send a signed test message to an endpoint and show what it answers',
  args: endpoint,
  flags: [{ ...tenant, required: true }],
  examples: ['assetra webhook test ERP --tenant plant-1'],
  details:
    'It goes the way that events go, to the same addresses; nothing is stored. Exit code 1 when it is not taken.',
};

export const webhookRotate: Definition = {
  usage: 'webhook rotate <endpoint>',
  about: 'Give an endpoint a new secret, shown this once',
  args: endpoint,
  flags: [
    { ...tenant, required: true },
    { spec: '--secret-stdin', about: 'take the secret from standard input; one is made when left out' },
    { spec: '--now', about: 'the old one signs no more: when others know it' },
    { spec: '--promote', about: 'make the next secret, of a rotation before, the current one' },
  ],
  examples: [
    'assetra webhook rotate 3 --tenant plant-1',
    'assetra webhook rotate 3 --tenant plant-1 --promote',
    'assetra webhook rotate 3 --tenant plant-1 --now',
  ],
  details:
    'Both secrets sign until the new one is promoted, a day later by itself; after that the old one signs for a day more. ' +
    'docs/WEBHOOKS.md says in which header which signature is.',
};

const selection: Flag[] = [
  { ...tenant, about: `only this tenant (${tenant.about})` },
  { spec: '--endpoint <endpoint>', about: 'only deliveries to this endpoint (its id or name)' },
  {
    spec: '--since <time>',
    about: 'only what was given up since, such as 2026-01-31T12:00:00Z, or 2h, 3d for so long ago',
  },
];
const several: Flag[] = [
  ...selection,
  { spec: '--all', about: 'all there are' },
  { spec: '--dry-run', about: 'only count' },
];
const ids = { 'id...': 'as `deadletter list` shows them: 12 is a delivery, job:7 a job' };

export const deadletterList: Definition = {
  usage: 'deadletter list',
  about: 'List deliveries and jobs that were given up, newest first',
  flags: [...selection, { spec: '--limit <count>', about: 'at most so many', type: 'number', fallback: 100 }],
  examples: ['assetra deadletter list', 'assetra deadletter list --endpoint ERP --since 2d --json'],
};

export const deadletterShow: Definition = {
  usage: 'deadletter show <id>',
  about: 'Show one with its message and each attempt',
  args: { id: 'as `deadletter list` shows it' },
  examples: ['assetra deadletter show 12', 'assetra deadletter show job:7'],
};

export const deadletterReplay: Definition = {
  usage: 'deadletter replay [id...]',
  about: 'Have them tried again: the same messages, attempts counted anew',
  args: ids,
  flags: several,
  examples: [
    'assetra deadletter replay 12 13 job:7',
    'assetra deadletter replay --endpoint 3 --since 2026-01-31T12:00:00Z --dry-run',
    'assetra deadletter replay --all',
  ],
  details: 'Those of a disabled endpoint stay as they are. The daemon, or `assetra work`, sends them.',
};

export const deadletterPurge: Definition = {
  usage: 'deadletter purge [id...]',
  about: 'Forget them for good',
  args: ids,
  flags: several,
  examples: ['assetra deadletter purge 12', 'assetra deadletter purge --endpoint 3 --dry-run'],
};

export const simulateSink: Definition = {
  usage: 'simulate sink',
  about: 'Receive webhooks, check their signatures and show them; or fail as receivers do',
  flags: [
    { spec: '--port <port>', about: 'where to listen; 0 picks one', type: 'number', fallback: 0 },
    { spec: '--host <address>', about: 'on which address', fallback: '127.0.0.1' },
    { spec: '--secret <secret>', about: "the endpoint's secret, to check signatures with" },
    {
      spec: '--mode <mode>',
      about: 'what to answer',
      choices: [
        'ok',
        'hang',
        'hang-body',
        'drip',
        'huge',
        'slow',
        'reset',
        'reset-body',
        'redirect',
        '429',
        '429-date',
        '400',
        '410',
        '500',
        '503',
        'abort',
        'gzip-bomb',
        'garbage',
        'flaky',
      ],
      fallback: 'ok',
    },
  ],
  examples: ['assetra simulate sink --port 9000 --secret hush', 'assetra simulate sink --port 9000 --mode flaky'],
  details:
    'hang answers nothing, hang-body half an answer, drip a byte now and then, huge without end; reset breaks the line, redirect leads ' +
    'to a metadata address, abort asks to send this no more, garbage is no HTTP, flaky fails every other time.\n' +
    'A site sends to this machine only when ASSETRA_WEBHOOK_ALLOWED_HOSTS has loopback.',
};
