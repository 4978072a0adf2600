/** Keeps a station for every device that the database names: added, changed, disabled and removed while it runs. */
import type { Log } from '../base/log.ts';
import { drivers } from '../devices/drivers.ts';
import type { RecordScans } from './answer.ts';
import { type Device, Station, type StationHealth } from './station.ts';

export interface SupervisorOptions {
  listDevices(): Promise<Device[]>;
  recorderFor(device: Device): RecordScans;
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
  /** The row as it was started with; another one means a restart. Undefined: it is set up no more, and ends with its last scan. */
  version: string | undefined;
}

export class StationSupervisor {
  readonly #options: SupervisorOptions;
  readonly #stations = new Map<number, Running>();
  /** Why a device has no station. */
  readonly #faults = new Map<number, StationHealth>();
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
    this.#faults.clear();
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
    const stations = [...this.#stations.values()].map(({ station }) => station.health());
    const devices = [...stations, ...this.#faults.values()];
    const wanting = devices.some(
      ({ state, code, waiting }) => state === 'waiting' || code !== undefined || waiting > 0,
    );
    return { status: wanting ? 'degraded' : 'healthy', component: 'devices', devices };
  }

  async #reconcile(): Promise<void> {
    const devices = (await this.#options.listDevices()).filter(({ is_active }) => is_active);
    const wanted = new Map(devices.map((device) => [device.id, device]));
    for (const [id, running] of this.#stations) {
      const device = wanted.get(id);
      if (device ? versionOf(device) === running.version : await this.#isBusy(running)) continue;
      this.#stations.delete(id);
      await running.station.stop();
    }
    for (const id of this.#faults.keys()) if (!wanted.has(id)) this.#faults.delete(id);
    for (const device of devices) if (!this.#stations.has(device.id)) this.#launch(device);
  }

  /** One that is set up no more reads nothing, but what it has read is recorded. */
  async #isBusy(running: Running): Promise<boolean> {
    if (running.version !== undefined) await running.station.unplug();
    running.version = undefined;
    return running.station.waiting > 0;
  }

  /** A device that cannot be started leaves the others running, and is tried again with the next look at the list. */
  #launch(device: Device): void {
    const { log, recorderFor, spoolFolder } = this.#options;
    const open = drivers[device.kind];
    try {
      if (!open) throw new Error(`There is no driver for devices of kind ${device.kind}.`);
      const station = new Station(device, open, recorderFor(device), spoolFolder, log);
      station.start();
      this.#stations.set(device.id, { station, version: versionOf(device) });
      this.#faults.delete(device.id);
    } catch (error) {
      const { message } = error as Error;
      if (this.#faults.get(device.id)?.message !== message)
        log.error({ err: error, device: device.name }, 'A device cannot be started. It is tried again.');
      this.#faults.set(device.id, idle(device, message));
    }
  }
}

const idle = ({ id, name, tenant }: Device, message: string): StationHealth => ({
  id,
  name,
  tenant,
  state: 'waiting',
  code: 'DEVICE_FAILED',
  message,
  last_scan_at: null,
  scans: 0,
  waiting: 0,
  quarantined: 0,
  mode: 'record',
  last_outcome: null,
});

const versionOf = ({ path, kind, settings, location, name, tenant }: Device): string =>
  JSON.stringify([path, kind, settings, location, name, tenant]);
