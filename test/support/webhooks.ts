/** A site that sends webhooks to receivers of its own, and does not wait for its retries. */
import { AddressPolicy } from '../../src/base/address-policy.ts';
import { type Mode, Receiver } from '../../src/cli/simulate/receiver.ts';
import { type Context, inTransaction, type Tenant, type TenantContext } from '../../src/db/context.ts';
import type { Row } from '../../src/db/database.ts';
import type { Dialect } from '../../src/db/dialect.ts';
import * as outbox from '../../src/domain/outbox/service.ts';
import type { EndpointRow } from '../../src/domain/webhooks/resource.ts';
import { Sender, type SenderOptions } from '../../src/domain/webhooks/sender.ts';
import * as webhooks from '../../src/domain/webhooks/service.ts';
import { Workforce } from '../../src/jobs/workforce.ts';
import { type TestApp, testApp } from './app.ts';
import { until } from './pty.ts';
import { unique } from './samples.ts';
import type { TestSite } from './site.ts';
import { testVault } from './vault.ts';

/** What an endpoint of these tests is signed with. */
export const secret = 'hush';

/** One that reaches this machine alone. */
export const loopbackSender = (options: Partial<SenderOptions> = {}): Sender =>
  new Sender({ policy: new AddressPolicy(['loopback']), timeoutSeconds: 1, ...options });

export class Plant {
  readonly site: TestSite;
  readonly ctx: TenantContext;
  readonly #closing: (() => Promise<unknown>)[] = [];

  /** `folder`: the site's, for what lies in files. */
  constructor(site: TestSite, vault = testVault(), folder?: string) {
    this.site = site;
    this.ctx = { ...site.as('admin'), vault, folder };
  }

  async work(
    options: Partial<SenderOptions> = {},
    settings = { redriveHours: 24, disableDays: 5 },
    more: Partial<Context> = {},
  ): Promise<Workforce> {
    const sender = loopbackSender(options);
    const force = new Workforce({ ...this.ctx, tenant: null, ...more }, this.site.database, {
      kinds: webhooks.kinds(sender, settings),
      schedules: async () => [],
      concurrency: 4,
      close: () => sender.close(),
    });
    this.#closing.push(() => force.stop());
    await force.start();
    return force;
  }

  async receiver(mode: Mode = 'ok'): Promise<{ sink: Receiver; url: string }> {
    const sink = new Receiver({ mode, secret });
    this.#closing.push(() => sink.stop());
    return { sink, url: await sink.start() };
  }

  endpoint(url: string, more: object = {}): Promise<EndpointRow> {
    const body = { name: unique('Hook'), url, secret, events: ['asset.*'], ...more };
    return webhooks.servedEndpoints.create(this.ctx, body);
  }

  async target(mode: Mode = 'ok', more: object = {}) {
    const { sink, url } = await this.receiver(mode);
    return { sink, url, endpoint: await this.endpoint(url, more) };
  }

  /** One event for each number; answers once they are committed. */
  raise(numbers: readonly number[], more: object = {}): Promise<void> {
    const tenant: Tenant = { ...this.ctx.tenant };
    return inTransaction({ ...this.ctx, tenant }, async (tx) => {
      for (const n of numbers)
        outbox.append(tx, { name: 'asset.created', entity: 'asset', entity_id: n, data: { id: n, n }, ...more });
    });
  }

  deliveries(endpoint: number): Promise<Row[]> {
    return this.site.database.query('SELECT * FROM webhook_deliveries WHERE endpoint_id = ? ORDER BY id', [endpoint]);
  }

  attempts(delivery: unknown): Promise<Row[]> {
    const sql = 'SELECT * FROM webhook_attempts WHERE delivery_id = ? ORDER BY id';
    return this.site.database.query(sql, [delivery as number]);
  }

  /** What waits for its time need wait no longer; what is held, only with `held`. */
  async hurry({ held = false } = {}): Promise<void> {
    await this.site.database.execute("UPDATE jobs SET run_at = 0 WHERE state = 'waiting'");
    if (!held) return;
    await this.site.database.execute('UPDATE job_lanes SET held_until = 1 WHERE held_until IS NOT NULL');
    const past = '2026-01-01T00:00:00.000Z';
    await this.site.database.execute('UPDATE webhook_health SET held_until = ? WHERE held_until IS NOT NULL', [past]);
  }

  /** Until nothing of the endpoint is pending, hurrying all the way. */
  async settled(endpoint: number, options: { held?: boolean; patience?: number } = {}): Promise<Row[]> {
    const isSettled = async () => {
      await this.hurry(options);
      return (await this.deliveries(endpoint)).every(({ status }) => status !== 'pending');
    };
    await until(isSettled, `the deliveries of endpoint ${endpoint}`, options.patience ?? 30_000);
    return this.deliveries(endpoint);
  }

  async stop(): Promise<void> {
    for (const close of this.#closing.splice(0).reverse()) await close();
    for (const table of ['webhook_endpoints', 'jobs', 'job_lanes'])
      await this.site.database.execute(`DELETE FROM ${table}`);
  }
}

/** The API of a site beside its plant: what the one makes, the other delivers. */
export async function plantWithApi(dialect: Dialect): Promise<{ app: TestApp; plant: Plant }> {
  const app = await testApp(dialect);
  return { app, plant: new Plant(app, app.vault) };
}
