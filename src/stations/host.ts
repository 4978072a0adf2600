/** Scanners of a machine without a daemon: each has a station, and what it reads goes to a daemon elsewhere. */
import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { drivers } from '../devices/drivers.ts';
import { hold } from '../devices/exclusive.ts';
import type { ScannerState } from '../devices/scanner.ts';
import { deviceSettings } from '../devices/settings.ts';
import type { Recorded } from './answer.ts';
import { remoteRecorder, type Server } from './remote.ts';
import { leftOver, type SpooledScan } from './spool.ts';
import { Station, type StationHealth } from './station.ts';

export interface HostDevice {
  name: string;
  kind: string;
  path: string;
  /** Code of the place where it stands. */
  location: string;
  settings: Record<string, unknown>;
}

export interface HostOptions {
  server: Server;
  devices: readonly HostDevice[];
  /** The host's own folder; scans wait in `spool/` below it. */
  dir: string;
  recorded(device: string, scan: SpooledScan, answer: Recorded): void;
  refused(device: string, scan: SpooledScan, reason: string): void;
  delayed(device: string, reason: string): void;
  state(device: string, state: ScannerState): void;
}

/** How often it is looked whether all is done, in ms. */
const glance = 50;
/** How long an answer is waited for at the end, in ms. */
const farewell = 1_000;

export class DeviceHost {
  readonly #options: HostOptions;
  readonly #stations: Station[];
  #lock: { release(): void } | undefined;
  #isStopped = false;
  readonly #over = new AbortController();

  constructor(options: HostOptions) {
    this.#options = options;
    this.#stations = options.devices.map((device, index) => this.#stationOf(device, index + 1));
  }

  /** ConfigError when another one runs over the same folder: each would take the other's scans for its own. */
  async start(): Promise<void> {
    const { dir } = this.#options;
    this.#lock = await hold(`host ${folderOf(dir)}`);
    if (!this.#lock)
      throw new ConfigError(
        `Another \`assetra devices run\` works in ${dir}. Stop it, or give this one a folder of its own with --dir.`,
      );
    for (const station of this.#stations) station.start();
  }

  /** What is not sent by then waits on disk for the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const timer = setTimeout(() => this.#over.abort(), farewell);
    await Promise.all(this.#stations.map((station) => station.stop()));
    clearTimeout(timer);
    this.#lock?.release();
  }

  health(): StationHealth[] {
    return this.#stations.map((station) => station.health());
  }

  /** Spool files with scans of scanners that are no longer set up. */
  forgotten(): string[] {
    const own = this.#options.devices.map(({ name }) => spoolOf(name));
    return leftOver(join(this.#options.dir, 'spool'), 'host', own);
  }

  /** Resolves once every line has ended and nothing waits, as after the last line of standard input. */
  async finished(): Promise<void> {
    const isOver = () => this.health().every(({ state, waiting }) => state === 'ended' && waiting === 0);
    while (!this.#isStopped && !isOver()) await new Promise((done) => setTimeout(done, glance));
  }

  #stationOf({ name, kind, path, location, settings }: HostDevice, id: number): Station {
    const { mode, mode_timeout_s, session } = deviceSettings.parse(settings);
    const { server, dir, recorded, refused, delayed, state } = this.#options;
    const record = remoteRecorder(
      { ...server, signal: this.#over.signal },
      { name, location, mode, mode_timeout_s, session },
    );
    const about = { id, name, kind, path, settings, tenant: 0, location: null, is_active: true, updated_at: '' };
    return new Station({ ...about, spool: spoolOf(name) }, drivers[kind]!, record, join(dir, 'spool'), silentLog, {
      recorded: (scan, answer) => recorded(name, scan, answer),
      refused: (scan, reason) => refused(name, scan, reason),
      delayed: (reason) => delayed(name, reason),
      state: (now) => state(name, now),
    });
  }
}

/** By its own name, whatever links lead there. */
function folderOf(dir: string): string {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    return realpathSync(dir);
  } catch (error) {
    throw new ConfigError(`${dir} cannot be used (${(error as Error).message}). Mend the folder or its owner.`, {
      cause: error,
    });
  }
}

/** By the name, so that scans find their scanner whatever the order of the list; no two names share one. */
function spoolOf(name: string): string {
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `host-${name.replace(/[^A-Za-z0-9]+/g, '-').slice(0, 40)}-${digest}.jsonl`;
}
