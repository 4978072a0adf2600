/** The settings of a site, read once: defaults < `<dir>/assetra.env` < environment < flags. No other file reads process.env. */
import { join } from 'node:path';
import { type DatabaseConfig, readDatabase } from './database-url.ts';
import { ConfigError, type FieldErrors } from './errors.ts';
import { type SettingName, Settings, type SettingValues, settingDescriptions } from './settings.ts';
import { type ConfigFlags, type Environment, fileFaults, type Given, gather, labelOf, type Source } from './sources.ts';

export type { DatabaseConfig } from './database-url.ts';
export type { ConfigFlags, Source } from './sources.ts';

export interface Config {
  /** The site's folder, absolute; it need not exist yet. */
  dir: string;
  database: DatabaseConfig;
  http: {
    host: string;
    port: number;
    corsOrigins: string[];
    /** Addresses and CIDR blocks. */
    trustedProxies: string[];
    /** Present and former base URLs of this site, without trailing slash. */
    publicUrls: string[];
  };
  auth: { accessMinutes: number; refreshDays: number; jwtSecret: string | undefined };
  /** How long the change log is kept. */
  changeDays: number;
  /** How long print jobs that have ended are kept. */
  printDays: number;
  webhooks: {
    /** Items of the list, as AddressPolicy takes them. */
    allowedHosts: string[];
    timeoutSeconds: number;
    redriveHours: number;
    disableDays: number;
    /** How long deliveries that have ended are kept. */
    deliveryDays: number;
  };
  /** How many workflows may lead to each other. */
  /** How long files of exports are kept. */
  exportDays: number;
  workflowDepth: number;
  jobConcurrency: number;
  /** `redis://…` */
  queueUrl: string | undefined;
  log: { level: 'debug' | 'info' | 'warn' | 'error'; format: 'auto' | 'json' | 'pretty' };
  environment: string;
  sentryDsn: string | undefined;
  /** 0 to 1. */
  sentryTracesSampleRate: number;
}

export interface ExplainedSetting {
  name: string;
  /** As written, with secrets redacted. */
  value: string;
  source: Source;
  about: string;
}

/**
 * Throws ConfigError naming every fault at once, each under the name of its variable or flag. `envFile` is read in the
 * place of the folder's own.
 */
export function loadConfig(flags: ConfigFlags = {}, environment: Environment = process.env, envFile?: string): Config {
  const given = gather(flags, environment, envFile);
  const faults: FieldErrors = fileFaults(given);
  const parsed = Settings.safeParse(given.text);
  for (const issue of parsed.error?.issues ?? []) {
    const name = issue.path[0] as SettingName;
    faults[labelOf(given, name)] = [issue.message + quoted(name, given.text[name])];
  }
  const { ASSETRA_DB_POOL: poolSize = 1, ASSETRA_DB_TIMEOUT: patience = 1 } = parsed.data ?? {};
  const database = databaseOf(given, { poolSize, patience }, faults);
  if (!parsed.success || !database || Object.keys(faults).length > 0) throw faulty(given, faults);
  return shape(given.dir, database, parsed.data);
}

/** Every setting with its value and where it comes from, right or wrong. */
export function explainConfig(flags: ConfigFlags = {}, environment: Environment = process.env): ExplainedSetting[] {
  const given = gather(flags, environment);
  const dir = {
    name: 'ASSETRA_DIR',
    value: given.dir,
    source: given.dirSource,
    about: "The site's folder; --dir says the same",
  };
  const settings = settingDescriptions.map(({ name, fallback, about, secret }) => {
    const value = given.text[name] ?? fallback;
    return { name, value: secret ? redact(name, value) : value, source: given.source[name] ?? 'default', about };
  });
  return [dir, ...settings];
}

/** The environment of a program that is started: this one's, and `extra`. */
export const childEnvironment = (extra: Environment): Environment => ({ ...process.env, ...extra });

const ranks: Record<Source, number> = { default: 0, file: 1, environment: 2, flag: 3 };

function databaseOf(
  given: Given,
  limits: Pick<DatabaseConfig, 'poolSize' | 'patience'>,
  faults: FieldErrors,
): DatabaseConfig | undefined {
  const settings = {
    text: (name: SettingName) => given.text[name],
    rank: (name: SettingName) => ranks[given.source[name] ?? 'default'],
  };
  try {
    return readDatabase(settings, given.dir, limits);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const [name, messages] of Object.entries(error.fields ?? {})) {
      faults[labelOf(given, name as SettingName)] ??= messages;
    }
    return undefined;
  }
}

const isSecret = (name: SettingName) => settingDescriptions.some((setting) => setting.name === name && setting.secret);

const quoted = (name: SettingName, value = '') => (isSecret(name) ? '' : `, not "${value}"`);

function faulty({ dir, file }: Given, faults: FieldErrors): ConfigError {
  const lines = Object.entries(faults).map(([name, messages]) => `  ${name} ${(messages as string[]).join(', ')}`);
  const read = Object.keys(file.values).length > 0 ? ` (file: ${join(dir, 'assetra.env')})` : '';
  const count = lines.length === 1 ? '1 setting is wrong' : `${lines.length} settings are wrong`;
  return new ConfigError(`${count}${read}:\n${lines.join('\n')}`, { fields: faults });
}

const hidden = '********';

/** Of a database URL only the password is hidden: which server it is must stay readable. */
function redact(name: SettingName, value: string): string {
  if (value === '') return '';
  if (name !== 'DATABASE_URL') return hidden;
  if (/^sqlite:/i.test(value)) return value;
  const [, start, user, password = '', rest] = /^([a-z]+:\/\/)(?:([^:@/]*)(:.*)?@)?([^@]*)$/i.exec(value) ?? [];
  if (start === undefined) return hidden;
  if (user === undefined) return start + withoutOptions(rest!);
  return `${start}${user}${password && `:${hidden}`}@${withoutOptions(rest!)}`;
}

/** Options of a URL may carry a password too, also in a spelling that is refused. */
const withoutOptions = (text: string): string =>
  text.replace(/([?&])([^=&]+)=[^&]*/g, (option, before, name) =>
    name === 'host' ? option : `${before}${name}=${hidden}`,
  );

function shape(dir: string, database: DatabaseConfig, values: SettingValues): Config {
  return {
    dir,
    database,
    http: {
      host: values.ASSETRA_HOST,
      port: values.ASSETRA_PORT,
      corsOrigins: values.ASSETRA_CORS_ORIGINS,
      trustedProxies: values.ASSETRA_TRUSTED_PROXIES,
      publicUrls: values.ASSETRA_PUBLIC_URLS,
    },
    auth: {
      accessMinutes: values.JWT_ACCESS_MIN,
      refreshDays: values.JWT_REFRESH_DAYS,
      jwtSecret: values.ASSETRA_JWT_SECRET,
    },
    changeDays: values.ASSETRA_CHANGE_DAYS,
    printDays: values.ASSETRA_PRINT_DAYS,
    webhooks: {
      allowedHosts: values.ASSETRA_WEBHOOK_ALLOWED_HOSTS,
      timeoutSeconds: values.ASSETRA_WEBHOOK_TIMEOUT,
      redriveHours: values.ASSETRA_WEBHOOK_REDRIVE_HOURS,
      disableDays: values.ASSETRA_WEBHOOK_DISABLE_DAYS,
      deliveryDays: values.ASSETRA_DELIVERY_DAYS,
    },
    exportDays: values.ASSETRA_EXPORT_DAYS,
    workflowDepth: values.ASSETRA_WORKFLOW_DEPTH,
    jobConcurrency: values.ASSETRA_JOB_CONCURRENCY,
    queueUrl: values.ASSETRA_QUEUE,
    log: { level: values.ASSETRA_LOG_LEVEL, format: values.ASSETRA_LOG_FORMAT },
    environment: values.ENVIRONMENT,
    sentryDsn: values.SENTRY_DSN,
    sentryTracesSampleRate: values.SENTRY_TRACES_SAMPLE_RATE,
  };
}
