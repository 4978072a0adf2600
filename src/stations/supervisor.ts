/** Keeps a station for every device that the database names: added, changed, disabled and removed while it runs. */
import type { Log } from '../base/log.ts';
import { drivers } from '../devices/drivers.ts';
import { type Device, type RecordScan, Station, type StationHealth } from './station.ts';

export interface SupervisorOptions {
  listDevices(): Promise<Device[]>;
  recorderFor(device: Device): RecordScan;
  /** Where scans wait on disk. */
  spoolFolder: string;
  log: Log;
}

export interface DevicesHealth {
  status: 'healthy' | 'degraded';
  component: 'devices';
  devices: StationHealth[];
}

/** How often the list is read again, in ms. */
const interval = 2_000;

interface Running {
  station: Station;
  /** The row as it was started with; another one means a restart. */
  version: string;
}

export class StationSupervisor {
  readonly #options: SupervisorOptions;
  readonly #stations = new Map<number, Running>();
  #timer: NodeJS.Timeout | undefined;
  #refreshing: Promise<void> | undefined;
  #running = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#running = true;
    await this.refresh();
  }

  async stop(): Promise<void> {
    this.#running = false;
    clearTimeout(this.#timer);
    await this.#refreshing;
    await Promise.all([...this.#stations.values()].map(({ station }) => station.stop()));
    this.#stations.clear();
  }

  /** Reads the list now. One that cannot be read leaves every station as it is. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#reconcile()
      .catch((error: unknown) => this.#options.log.warn({ err: error }, 'The list of devices cannot be read now.'))
      .finally(() => {
        this.#refreshing = undefined;
        clearTimeout(this.#timer);
        if (this.#running) this.#timer = setTimeout(() => this.refresh(), interval);
      });
    return this.#refreshing;
  }

  health(): DevicesHealth {
    const devices = [...this.#stations.values()].map(({ station }) => station.health());
    const wanting = devices.some(
      ({ state, code, waiting }) => state === 'waiting' || code !== undefined || waiting > 0,
    );
    return { status: wanting ? 'degraded' : 'healthy', component: 'devices', devices };
  }

  async #reconcile(): Promise<void> {
    const devices = (await this.#options.listDevices()).filter(({ is_active }) => is_active);
    const wanted = new Map(devices.map((device) => [device.id, device]));
    for (const [id, { station, version }] of this.#stations) {
      const device = wanted.get(id);
      if (device && versionOf(device) === version) continue;
      this.#stations.delete(id);
      await station.stop();
    }
    for (const device of devices) if (!this.#stations.has(device.id)) this.#launch(device);
  }

  /** A device that cannot be started leaves the others running. */
  #launch(device: Device): void {
    const { log, recorderFor, spoolFolder } = this.#options;
    const open = drivers[device.kind];
    try {
      if (!open) throw new Error(`No driver for devices of kind ${device.kind}`);
      const station = new Station(device, open, recorderFor(device), spoolFolder, log);
      station.start();
      this.#stations.set(device.id, { station, version: versionOf(device) });
    } catch (error) {
      log.error({ err: error, device: device.name }, 'A device cannot be started. Correct it with `assetra devices`.');
    }
  }
}

const versionOf = ({ path, kind, settings, location, name, tenant }: Device): string =>
  JSON.stringify([path, kind, settings, location, name, tenant]);
