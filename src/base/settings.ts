/** Every setting by its variable name: the one description that checks, types, defaults and documents it. */
import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { isAddressRule } from './address-policy.ts';

/** Text read by `parse`, which answers undefined for a fault; `expected` completes the sentence "must be …". */
const read = <T>(expected: string, parse: (text: string) => T | undefined) =>
  z
    .string()
    .trim()
    .transform((text, context): T => {
      const value = parse(text);
      if (value !== undefined) return value;
      context.addIssue(`must be ${expected}`);
      return z.NEVER;
    });

const text = z.string();

const wholeNumber = (from: number, to: number) =>
  read(`a whole number from ${from} to ${to}`, (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    return value >= from && value <= to ? value : undefined;
  });

const oneOf = <T extends string>(...choices: T[]) =>
  read(`one of ${choices.join(', ')}`, (text) => choices.find((choice) => choice === text.toLowerCase()));

const listOf = <T>(expected: string, parse: (item: string) => T | undefined) =>
  read(`a comma-separated list of ${expected}`, (text) => {
    const items = text.split(',').map((item) => item.trim());
    const values = items.filter(Boolean).map(parse);
    return values.every((value) => value !== undefined) ? (values as T[]) : undefined;
  });

const webUrl = (text: string) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url && /^https?:$/.test(url.protocol) ? url : undefined;
};

const baseUrl = (text: string) => {
  const url = webUrl(text);
  return url && !url.search && !url.hash ? url.href.replace(/\/+$/, '') : undefined;
};

const origin = (text: string) => (text === '*' || webUrl(text)?.origin === text.toLowerCase() ? text : undefined);

/** An address or a CIDR block, as node's BlockList takes them. */
const network = (text: string) => {
  const [address = '', prefix, ...rest] = text.split('/');
  const version = isIP(address);
  if (!version || rest.length > 0) return undefined;
  if (prefix === undefined) return text;
  try {
    new BlockList().addSubnet(address, /^\d+$/.test(prefix) ? Number(prefix) : Number.NaN, `ipv${version as 4 | 6}`);
    return text;
  } catch {
    return undefined;
  }
};

const logLevel = read('one of debug, info, warn, error', (text) => {
  const level = text.toLowerCase().replace('warning', 'warn');
  return (['debug', 'info', 'warn', 'error'] as const).find((choice) => choice === level);
});

const fraction = read('a number from 0 to 1', (text) =>
  text !== '' && Number(text) >= 0 && Number(text) <= 1 ? Number(text) : undefined,
);

const secret = (description: string) => ({ description, secret: true });

export const Settings = z.object({
  ASSETRA_HOST: text.prefault('127.0.0.1').describe('Address the daemon listens on; 0.0.0.0 is every network card'),
  ASSETRA_PORT: wholeNumber(0, 65_535).prefault('8000').describe('Port the daemon listens on; 0 picks a free one'),
  ASSETRA_PUBLIC_URLS: listOf('http(s) addresses without query', baseUrl)
    .prefault('')
    .describe('Present and former addresses of this site, commas between; a scanned label URL is known by them'),
  ASSETRA_CORS_ORIGINS: listOf('origins such as https://console.example', origin)
    .prefault('')
    .describe('Origins of web consoles that may call the API, commas between; * is any'),
  ASSETRA_TRUSTED_PROXIES: listOf('IP addresses or CIDR blocks', network)
    .prefault('')
    .describe('Proxies whose X-Forwarded headers are believed, commas between'),
  ASSETRA_JWT_SECRET: text
    .min(32, 'must have at least 32 characters')
    .optional()
    .meta(secret('Key that signs access tokens; without it, the one in keys/')),
  JWT_ACCESS_MIN: wholeNumber(1, 1_440).prefault('30').describe('Life of an access token, minutes'),
  JWT_REFRESH_DAYS: wholeNumber(1, 365).prefault('7').describe('Life of a refresh token, days'),
  DATABASE_URL: text
    .optional()
    .meta(secret('postgres://…, mysql://… or sqlite:path; without it or DB_ENGINE, sqlite:assetra.db')),
  DB_ENGINE: oneOf('postgresql', 'mysql', 'mariadb', 'sqlite')
    .optional()
    .describe('Kind of database, with DB_NAME and the rest; the other way to say DATABASE_URL'),
  DB_NAME: text.optional().describe('Name of the database, or path of the SQLite file'),
  DB_USER: text.optional().describe('User at the database'),
  DB_PASSWORD: text.optional().meta(secret('Password at the database; also fills in a DATABASE_URL without one')),
  DB_HOST: text.optional().describe('Host of the database, or the folder or path of its socket'),
  DB_PORT: wholeNumber(1, 65_535).optional().describe('Port of the database'),
  ASSETRA_DB_POOL: wholeNumber(1, 200).prefault('10').describe('Most database connections of one process'),
  ASSETRA_DB_TIMEOUT: wholeNumber(1, 3_600)
    .prefault('10')
    .describe(
      'How long the daemon waits for a statement of PostgreSQL or MySQL/MariaDB before it gives the line up, seconds',
    ),
  ASSETRA_CHANGE_DAYS: wholeNumber(1, 3_650)
    .prefault('90')
    .describe('How long an app may be offline and still fetch only what changed, days; then it fetches everything'),
  ASSETRA_PRINT_DAYS: wholeNumber(1, 3_650)
    .prefault('365')
    .describe('How long print jobs that have ended are kept, with what became of each label, days'),
  ASSETRA_WEBHOOK_ALLOWED_HOSTS: listOf(
    'external, private, loopback, *, addresses, CIDR blocks, hosts and *.domains',
    (item) => (isAddressRule(item) ? item : undefined),
  )
    .prefault('external,private')
    .describe(
      'Where webhooks may be sent: external, private, loopback, CIDR blocks, hosts, *.domain, commas between; link-local and metadata addresses never',
    ),
  ASSETRA_WEBHOOK_TIMEOUT: wholeNumber(1, 30)
    .prefault('10')
    .describe('How long a receiver of webhooks may take for its whole answer, seconds'),
  ASSETRA_WEBHOOK_REDRIVE_HOURS: wholeNumber(0, 720)
    .prefault('24')
    .describe('How old a dead letter may be to be sent once more when its endpoint works again, hours; 0 sends none'),
  ASSETRA_DELIVERY_DAYS: wholeNumber(1, 3_650)
    .prefault('30')
    .describe('How long deliveries of webhooks that have ended are kept, dead letters too, days'),
  ASSETRA_EXPORT_DAYS: wholeNumber(1, 365).prefault('7').describe('How long files of exports are kept, days'),
  ASSETRA_WEBHOOK_DISABLE_DAYS: wholeNumber(0, 365)
    .prefault('5')
    .describe('After how long of nothing but failures an endpoint is disabled, days; 0 is never'),
  ASSETRA_WORKFLOW_DEPTH: wholeNumber(1, 100)
    .prefault('8')
    .describe('How many workflows may lead to each other, one after the other, before the chain is stopped'),
  ASSETRA_JOB_CONCURRENCY: wholeNumber(1, 1_000)
    .prefault('20')
    .describe('Jobs that one process has under way at once, besides deliveries, which are bounded by endpoint'),
  ASSETRA_QUEUE: read('a redis:// or rediss:// URL', (text) =>
    URL.canParse(text) && /^rediss?:$/.test(new URL(text).protocol) ? text : undefined,
  )
    .optional()
    .meta(secret('Redis or Valkey that hands out jobs among many processes; without it, the database does')),
  ASSETRA_LOG_LEVEL: logLevel.prefault('info').describe('Least level that is logged: debug, info, warn, error'),
  ASSETRA_LOG_FORMAT: oneOf('auto', 'json', 'pretty')
    .prefault('auto')
    .describe('json, pretty, or auto: pretty on a terminal, json elsewhere'),
  ENVIRONMENT: text.prefault('production').describe('Name of this installation in error reports'),
  SENTRY_DSN: read('an http(s) URL', (text) => webUrl(text)?.href)
    .optional()
    .meta(secret('Where errors are reported to; without it, nowhere')),
  SENTRY_TRACES_SAMPLE_RATE: fraction.prefault('0').describe('Share of requests traced, 0 to 1'),
});

export type SettingName = keyof typeof Settings.shape;
export type SettingValues = z.infer<typeof Settings>;

export interface SettingDescription {
  name: SettingName;
  /** As it would be written in the file; empty when there is none. */
  fallback: string;
  about: string;
  secret: boolean;
}

export const settingDescriptions: SettingDescription[] = Object.entries(Settings.shape).map(([name, schema]) => {
  const { description = '', secret = false } = schema.meta() ?? {};
  const fallback = schema instanceof z.ZodPrefault ? String(schema.def.defaultValue) : '';
  return { name: name as SettingName, fallback, about: description, secret: Boolean(secret) };
});

export const isSetting = (name: string): name is SettingName => Object.hasOwn(Settings.shape, name);

/** The setting that `name` is most likely a slip of, if any is near. */
export function nearestSetting(name: string): SettingName | undefined {
  const near = settingDescriptions
    .map((setting) => ({ name: setting.name, distance: editDistance(name, setting.name) }))
    .filter(({ distance }) => distance <= 3)
    .sort((a, b) => a.distance - b.distance);
  return near[0]?.name;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
