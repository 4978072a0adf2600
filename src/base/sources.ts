/** Where settings are said, and which of them counts: a flag before the environment, that before the file of the site. */
import { join, resolve } from 'node:path';
import { readEnvFile } from './env-file.ts';
import type { FieldErrors } from './errors.ts';
import { isSetting, nearestSetting, type SettingName, settingDescriptions } from './settings.ts';

const flagSettings = {
  host: 'ASSETRA_HOST',
  port: 'ASSETRA_PORT',
  database: 'DATABASE_URL',
  publicUrls: 'ASSETRA_PUBLIC_URLS',
  corsOrigins: 'ASSETRA_CORS_ORIGINS',
  concurrency: 'ASSETRA_JOB_CONCURRENCY',
  logLevel: 'ASSETRA_LOG_LEVEL',
  logFormat: 'ASSETRA_LOG_FORMAT',
} as const satisfies Record<string, SettingName>;

export type ConfigFlags = { dir?: string | undefined } & {
  [flag in keyof typeof flagSettings]?: string | number | undefined;
};

export type Source = 'default' | 'file' | 'environment' | 'flag';

export type Environment = Record<string, string | undefined>;

export interface Given {
  dir: string;
  dirSource: Source;
  text: Partial<Record<SettingName, string>>;
  source: Partial<Record<SettingName, Source>>;
  file: ReturnType<typeof readEnvFile>;
}

export function gather(flags: ConfigFlags, environment: Environment, envFile?: string): Given {
  const dir = resolve(flags.dir || environment.ASSETRA_DIR || 'assetra-data');
  const dirSource = flags.dir ? 'flag' : environment.ASSETRA_DIR ? 'environment' : 'default';
  const file = readEnvFile(envFile ?? join(dir, 'assetra.env'));
  const given: Given = { dir, dirSource, text: {}, source: {}, file };
  const flagged = Object.entries(flagSettings).map(([flag, name]) => [name, flags[flag as keyof typeof flagSettings]]);
  take(given, 'file', file.values);
  take(given, 'environment', environment);
  take(given, 'flag', Object.fromEntries(flagged));
  return given;
}

/** An empty value is no value: Compose and systemd pass variables they do not know as empty. */
function take(given: Given, source: Source, values: Record<string, string | number | undefined>): void {
  for (const { name } of settingDescriptions) {
    const value = values[name];
    if (value === undefined || value === '') continue;
    given.text[name] = String(value);
    given.source[name] = source;
  }
}

export function fileFaults({ file }: Given): FieldErrors {
  const faults: FieldErrors = {};
  for (const { name, line } of file.broken) {
    if (name) faults[name] = [`has no value in line ${line}: write ${name}=value`];
    else faults[`line ${line}`] = ['is no setting: write NAME=value, or # before a remark'];
  }
  for (const name of Object.keys(file.values)) {
    if (name === 'ASSETRA_DIR') faults[name] = ['belongs in the environment, not in the file that it points to'];
    else if (!isSetting(name)) Object.assign(faults, unknownFault(name));
  }
  return faults;
}

/** Names of other programs may stand in the file, unless they look like a slip of ours. */
function unknownFault(name: string): FieldErrors {
  const nearest = nearestSetting(name);
  if (!nearest && !name.startsWith('ASSETRA_')) return {};
  return { [name]: [`is no setting${nearest ? `; did you mean ${nearest}?` : ''}`] };
}

/** The name under which the reader set it: the flag's, where a flag did. */
export function labelOf(given: Given, name: SettingName): string {
  const flag = Object.entries(flagSettings).find(([, setting]) => setting === name)?.[0];
  if (given.source[name] !== 'flag' || !flag) return name;
  return `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
