/** What a device host is told: `devices.json` in its folder, and flags that go before it. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { ConfigError } from '../../base/errors.ts';
import { deviceKinds } from '../../devices/kinds.ts';
import { pathFault } from '../../devices/paths.ts';
import { deviceSettings } from '../../devices/settings.ts';
import { parse } from '../../resource/parse.ts';
import type { HostDevice } from '../../stations/host.ts';
import type { Server } from '../../stations/remote.ts';
import { given, settingsOf } from './settings.ts';

export interface HostFlags {
  server?: string;
  token?: string;
  tokenFile?: string;
  tenant?: string;
  name?: string;
  kind?: string;
  path?: string;
  location?: string;
  mode?: string;
  set?: string[];
  stdin?: boolean;
}

export interface HostSettings {
  server: Server;
  devices: HostDevice[];
}

const Device = z.strictObject({
  name: z.string().min(1).max(120),
  kind: z.enum([...deviceKinds, 'input']).default('serial'),
  path: z.string().max(255).default('-'),
  location: z.string().max(80).default(''),
  settings: deviceSettings.partial().default({}),
});
const File = z.strictObject({
  server: z.string().optional(),
  tenant: z.string().optional(),
  token_file: z.string().optional(),
  devices: z.array(Device).default([]),
});

/** ConfigError naming what is missing or wrong. */
export function hostSettings(dir: string, flags: HostFlags): HostSettings {
  if (flags.stdin && flags.path !== undefined) throw new ConfigError('Give either --path or --stdin.');
  const path = join(dir, 'devices.json');
  const file = checked(File, readFile(path), path);
  const devices = flags.path !== undefined || flags.stdin ? [deviceOf(flags)] : file.devices;
  if (devices.length === 0)
    throw new ConfigError(
      `No scanner is named. List them in ${path} (docs/HARDWARE.md), or name one with --path or --stdin.`,
    );
  for (const device of devices) checkDevice(device, devices);
  const url = flags.server ?? file.server;
  if (url === undefined || !/^https?:\/\/[^/]/.test(url) || !URL.canParse(url))
    throw new ConfigError('Name the daemon with --server, such as --server https://assetra.example:8000.');
  const token = flags.token ?? readToken(flags.tokenFile ?? (file.token_file && resolve(dir, file.token_file)));
  const tenant = flags.tenant ?? file.tenant;
  // They go into headers, and what cannot is told by the library word for word, secret and all.
  if (!visible.test(token))
    throw new ConfigError('The token is no token: it is a single word. See `assetra token list`.');
  if (tenant !== undefined && !visible.test(tenant)) throw new ConfigError('Name the tenant by its slug or id.');
  return {
    server: { url: url.replace(/\/+$/, ''), token, tenant },
    devices: devices.map((device) => ({ ...device })),
  };
}

const visible = /^[\x21-\x7e]+$/;

function deviceOf({ name, kind, path, location, mode, set, stdin }: HostFlags): z.output<typeof Device> {
  const how = stdin ? { kind: 'input', path: '-' } : { kind, path };
  // Two lines of a file that are alike are two codes; nobody pulls a trigger twice there.
  const settings = { ...(stdin ? { duplicate_window_ms: 0 } : {}), ...settingsOf(set), ...given({ mode }) };
  return checked(Device, { name: name ?? (stdin ? 'stdin' : path), ...how, location, settings }, 'The flags');
}

function checkDevice(
  { name, kind, path }: z.output<typeof Device>,
  all: readonly { name: string; path: string }[],
): void {
  if (all.filter((other) => other.name === name).length > 1)
    throw new ConfigError(`Two scanners are called "${name}". Give each its own name.`);
  const fault = kind === 'input' ? undefined : pathFault(kind, path);
  if (fault) throw new ConfigError(`The path of "${name}" is not one of kind ${kind}. ${fault}`);
}

function checked<S extends z.ZodType>(schema: S, value: unknown, where: string): z.output<S> {
  try {
    return parse(schema, value);
  } catch (error) {
    throw new ConfigError(`${where}: ${(error as Error).message}`, { cause: error });
  }
}

function readFile(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new ConfigError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`${path} is not valid JSON: ${(error as Error).message}`, { cause: error });
  }
}

function readToken(path: string | undefined): string {
  if (path === undefined)
    throw new ConfigError('Give the token of this host with --token-file or --token; `assetra token add` makes one.');
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new ConfigError(`The token file cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
