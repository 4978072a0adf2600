/** Commands that set up a site, run it and look after it. */
import type { Definition, Flag } from '../command.ts';

const database: Flag = {
  spec: '--database <url>',
  about: 'postgres://…, mysql://… or sqlite:path (default: sqlite:assetra.db)',
};
const address: Flag[] = [
  { spec: '--host <address>', about: 'address to listen on (default: 127.0.0.1); 0.0.0.0 is every network card' },
  { spec: '--port <port>', about: 'port to listen on (default: 8000); 0 picks a free one' },
];
const logging: Flag[] = [
  { spec: '--log-level <level>', about: 'least level that is logged', choices: ['debug', 'info', 'warn', 'error'] },
  { spec: '--log-format <format>', about: 'how lines are written', choices: ['auto', 'json', 'pretty'] },
];

export const init: Definition = {
  usage: 'init',
  about: 'Set up a site: settings, secrets, database, first tenant and admin',
  flags: [
    { spec: '--tenant <name>', about: 'name of the first tenant' },
    { spec: '--slug <slug>', about: "the tenant's short name (default: made from the name)" },
    { spec: '--admin <username>', about: 'name of the first admin' },
    { spec: '--password-stdin', about: "read the admin's password from standard input" },
    database,
    ...address,
    { spec: '--public-urls <urls>', about: 'addresses under which the site is reached, commas between' },
    { spec: '--yes', about: 'ask nothing; take the defaults for what is not given' },
  ],
  examples: [
    'assetra init',
    'assetra init --yes --dir /var/lib/assetra --tenant "Plant 1" --admin alice --password-stdin < password.txt',
  ],
};

export const serve: Definition = {
  usage: 'serve',
  about: 'Run the API daemon, with jobs and devices, until it is stopped',
  flags: [
    ...address,
    ...logging,
    { spec: '--no-jobs', about: 'leave jobs and schedules to other processes' },
    { spec: '--no-devices', about: 'leave scanners and printers alone' },
  ],
  examples: ['assetra serve --dir /var/lib/assetra', 'assetra serve --host 0.0.0.0 --port 8080'],
  details: 'The log line "listening" tells the address once requests are taken. SIGTERM and SIGINT stop it in order.',
};

export const work: Definition = {
  usage: 'work',
  about: 'Run jobs alone, until it is stopped; as many processes on as many machines as wanted',
  flags: [
    {
      spec: '--concurrency <count>',
      about: 'jobs under way at once (default: 20); deliveries are bounded by endpoint',
    },
    {
      spec: '--port <port>',
      about: 'answer /alive/, /health/ and /metrics/ there; 0 picks a free one (default: not at all)',
    },
    { spec: '--host <address>', about: 'address for --port (default: 127.0.0.1)' },
    {
      spec: '--queues <names>',
      about: 'only these queues, commas between: webhooks, workflows, labels, exports, system',
    },
    ...logging,
  ],
  examples: ['assetra work --dir /var/lib/assetra', 'assetra work --concurrency 50 --queues webhooks,workflows'],
  details:
    'The log line "working" tells that it is ready. SIGTERM and SIGINT let what is under way end, and give the rest back.\nA second machine needs the same assetra.env and keys/.',
};

export const migrate: Definition = {
  usage: 'migrate [direction]',
  about: "Bring the database's tables up to this version, or step back",
  args: { direction: 'up (default), status, or down by one step' },
  choices: ['up', 'status', 'down'],
  examples: ['assetra migrate', 'assetra migrate status --json'],
};

export const doctor: Definition = {
  usage: 'doctor',
  about: 'Check settings, database, disk and devices; a line each',
  examples: ['assetra doctor', 'assetra doctor --json'],
  details: 'The exit code is 1 when a check fails.',
};

export const demo: Definition = {
  usage: 'demo',
  about: 'Run a site with sample assets to look around in; made on the first run',
  flags: [...address, ...logging],
  examples: ['assetra demo', 'assetra demo --dir /tmp/plant --port 9000'],
  details: "The admin's password is made up and printed once, when the site is made.",
};

export const backup: Definition = {
  usage: 'backup <file>',
  about: 'Write the whole site to one .tar.gz, while the daemon runs',
  args: { file: 'where to write; one that is there is replaced once the new one is whole' },
  examples: ['assetra backup /backup/assetra.tar.gz', 'assetra backup "/backup/assetra-$(date +%F).tar.gz" --json'],
  details:
    'Database, settings, keys/ and files/; not spool/ and backups/. The file holds the secrets of the site and is readable by\nits owner alone. PostgreSQL needs pg_dump, MariaDB mariadb-dump, on the PATH.',
};

export const restore: Definition = {
  usage: 'restore <file>',
  about: 'Put a site back as a backup has it, or make it in a new folder; the daemon may run',
  args: { file: 'what `assetra backup` wrote' },
  flags: [
    { ...database, about: 'fill this database, and keep it in assetra.env (default: as the settings say)' },
    { spec: '--yes', about: 'replace the data of a site that is there without asking' },
  ],
  examples: [
    'assetra restore /backup/assetra.tar.gz --dir /var/lib/assetra',
    'assetra restore /backup/assetra.tar.gz --dir /tmp/look --database postgres://assetra@127.0.0.1/look',
  ],
  details:
    'A new folder gets the settings of the backup; a site that is there keeps its own, and is first saved to backups/ in its\nfolder. Apps that sync start anew afterwards.',
};

export const configShow: Definition = {
  usage: 'config show',
  about: 'Show every setting, its value and where it comes from; secrets are hidden',
  examples: ['assetra config show', 'assetra config show --dir /var/lib/assetra --json'],
};

export const configCheck: Definition = {
  usage: 'config check',
  about: 'Check the settings without starting anything; names every fault',
  examples: ['assetra config check --dir /var/lib/assetra'],
  details: 'The exit code is 2 when a setting is wrong.',
};

export const openapi: Definition = {
  usage: 'openapi',
  about: 'Print the OpenAPI document of the API',
  flags: [{ spec: '--file <file>', about: 'write to this file instead of standard output' }],
  examples: ['assetra openapi --file openapi.json'],
};

export const smoke: Definition = {
  usage: 'smoke',
  about:
    'Check a running service from end to end: log-in, asset, scan, sync, webhook, inbound event, validation, look-up',
  flags: [
    { spec: '--base-url <url>', about: 'where the service answers, such as http://127.0.0.1:8000' },
    { spec: '--username <name>', about: 'a user who may write' },
    { spec: '--password <password>', about: 'its password; seen by whoever lists the processes, so rather:' },
    { spec: '--password-stdin', about: 'read the password from standard input' },
    { spec: '--tenant-id <tenant>', about: 'id or slug of the tenant to work in' },
    { spec: '--keep', about: 'leave the asset and the endpoint that it made' },
  ],
  examples: [
    'assetra smoke --base-url http://127.0.0.1:8000 --username alice --password-stdin --tenant-id 1 < password.txt',
  ],
  details: 'Works against any service with this API. The exit code is 1 at the first step that fails.',
};

export const postman: Definition = {
  usage: 'postman',
  about: 'Print docs/postman/Assetra.postman_collection.json: the steps of `smoke`',
  examples: ['assetra postman > docs/postman/Assetra.postman_collection.json'],
  hidden: true,
};

export const completion: Definition = {
  usage: 'completion <shell>',
  about: 'Print the completion script of a shell',
  choices: ['bash', 'zsh', 'fish'],
  examples: ['assetra completion bash > /etc/bash_completion.d/assetra', 'source <(assetra completion bash)'],
};

export const reference: Definition = {
  usage: 'reference',
  about: 'Print docs/CLI.md: every command, flag and setting',
  examples: ['assetra reference > docs/CLI.md'],
  hidden: true,
};
