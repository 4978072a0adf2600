/** Everything that `assetra serve` runs in one process, started and stopped in order. */
import { join } from 'node:path';
import type { Config } from '../base/config.ts';
import { Forbidden } from '../base/errors.ts';
import { createLog, type Log } from '../base/log.ts';
import { measureProcess, metrics } from '../base/metrics.ts';
import { openVault } from '../base/vault.ts';
import type { Context, TenantContext } from '../db/context.ts';
import type { Database } from '../db/database.ts';
import * as accounts from '../domain/accounts/service.ts';
import * as audit from '../domain/audit/service.ts';
import * as devices from '../domain/devices/service.ts';
import * as printers from '../domain/printers/service.ts';
import { rememberUrl } from '../domain/resolve/service.ts';
import * as webhooks from '../domain/webhooks/service.ts';
import { createApp } from '../http/app.ts';
import type { Check, Checks } from '../http/health.ts';
import { Streams } from '../http/live.ts';
import { HttpServer } from '../http/server.ts';
import * as work from '../jobs/workforce.ts';
import { queueNames } from '../queue/kind.ts';
import { Sequencer } from '../queue/sequencer.ts';
import { recordedOf } from '../stations/answer.ts';
import { StationSupervisor } from '../stations/supervisor.ts';
import { Housekeeping } from './housekeeping.ts';
import { siteOf } from './site.ts';
import { workforceOf } from './workforce.ts';

export interface Parts {
  devices: boolean;
  jobs: boolean;
}

export class Daemon {
  readonly #config: Config;
  readonly #database: Database;
  readonly #parts: Parts;
  readonly #log: Log;
  #server: HttpServer | undefined;
  #stations: StationSupervisor | undefined;
  #housekeeping: Housekeeping | undefined;
  #workforce: work.Workforce | undefined;
  readonly #sequencer: Sequencer;
  readonly #streams: Streams;

  constructor(config: Config, database: Database, parts: Parts) {
    this.#config = config;
    this.#database = database;
    this.#parts = parts;
    this.#log = createLog(config.log);
    this.#streams = new Streams(database);
    this.#sequencer = new Sequencer(database, this.#log.child({ logger: 'assetra.sequencer' }));
  }

  /** Resolves to the address once requests are taken. */
  async start(): Promise<string> {
    const { ctx } = await siteOf(this.#config, this.#database, this.#log);
    measureProcess();
    this.#database.observe((seconds) => metrics.queryDuration.observe(seconds));
    const access = accounts.createAccess(await accounts.accessSettings(this.#config));
    const checks = this.#checks(ctx);
    const vault = openVault(this.#config.dir);
    const parts = { config: this.#config, database: this.#database, log: this.#log, access, vault, checks };
    const measure = async () => {
      await work.measure(this.#database);
      await webhooks.measure(ctx);
      await printers.measure(ctx);
    };
    const app = createApp({ ...parts, streams: this.#streams, measure });
    this.#server = new HttpServer(app, this.#config.http.host, this.#config.http.port);
    const address = await this.#server.start();
    try {
      for (const url of [...this.#config.http.publicUrls, address]) await rememberUrl(ctx, url);
      if (this.#parts.devices) await this.#startStations(ctx);
      if (this.#parts.jobs) await this.#startJobs(ctx);
      this.#sequencer.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#log.info({ address }, 'listening');
    return address;
  }

  async stop(): Promise<void> {
    this.#log.info('stopping');
    await this.#stations?.stop();
    await this.#workforce?.stop();
    await this.#streams.stop();
    await this.#server?.stop();
    await this.#sequencer.stop();
    await this.#housekeeping?.stop();
    this.#log.info('stopped');
  }

  #checks(ctx: Context): Checks {
    const stations = (): Check =>
      this.#stations ? { ...this.#stations.health() } : { status: 'healthy', component: 'devices', enabled: false };
    const jobs = (): Promise<Check> => work.health(this.#database);
    const outbound = (): Promise<Check> => webhooks.health(ctx);
    const cache = (): Check => ({ status: 'healthy', component: 'cache', kind: 'memory' });
    // Dashboards of the older service read `celery`.
    const history = (): Check => this.#housekeeping?.health() ?? { status: 'healthy', component: 'history' };
    const seen = async (): Promise<Check> => ({ ...(await printers.health(this.#database)) });
    return { cache, jobs, celery: jobs, devices: stations, printers: seen, history, webhooks: outbound };
  }

  async #startJobs(ctx: Context): Promise<void> {
    const witness = audit.openWitness(this.#config.dir);
    this.#housekeeping = new Housekeeping(ctx, this.#log.child({ logger: 'assetra.housekeeping' }), witness);
    this.#housekeeping.start();
    // --no-devices leaves printers to whoever has them.
    const queues = this.#parts.devices ? undefined : queueNames.filter((name) => name !== 'labels');
    this.#workforce = workforceOf(this.#config, this.#database, ctx, this.#log, queues);
    await this.#workforce.start();
  }

  async #startStations(ctx: Context): Promise<void> {
    this.#stations = new StationSupervisor({
      log: this.#log.child({ logger: 'assetra.devices' }),
      spoolFolder: join(this.#config.dir, 'spool'),
      listDevices: () => devices.everyActive(this.#database),
      recorderFor: (row) => async (scans, state) => {
        const tenant = await accounts.activeTenant(ctx, row.tenant);
        if (!tenant) throw new Forbidden('The tenant of this scanner is disabled. Its scans wait.');
        const inside: TenantContext = { ...ctx, tenant };
        return (await devices.recordScans(inside, row as devices.DeviceRow, scans, state)).map(recordedOf);
      },
    });
    await this.#stations.start();
  }
}
