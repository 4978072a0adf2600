/** A site under load: daemon, admin and writers over a database that the test can reach past them. */
import { expect } from 'vitest';
import { type DatabaseConfig, loadConfig } from '../../../src/base/config.ts';
import { until } from '../pty.ts';
import { Daemon, type DaemonOptions } from './daemon.ts';
import { balance, balanced, chains } from './ledger.ts';
import { type Client, logIn, makeSite, type Site } from './site.ts';
import { type Refusal, Writers } from './writers.ts';

export interface StageOptions extends DaemonOptions {
  /** URL that the site connects by; an SQLite file when left out. */
  database?: string | undefined;
  /** URL past the proxy, where `database` leads through one. */
  direct?: string | undefined;
  /** Where the site's folder is made. */
  parent?: string | undefined;
  writers?: number;
}

/** What is scanned; each is an asset's tag. */
const codes = Array.from({ length: 8 }, (_, index) => `A-${index + 1}`);

export class Stage {
  readonly #options: StageOptions;
  #site!: Site;
  daemon!: Daemon;
  admin!: Client;
  writers!: Writers;
  /** Leads past the proxy. */
  config!: DatabaseConfig;

  constructor(options: StageOptions = {}) {
    this.#options = options;
  }

  get dir(): string {
    return this.#site.dir;
  }

  /** Resolves once the writers, 16 unless said, have begun. */
  async start(): Promise<this> {
    const { database, direct = database, parent, writers: count = 16, ...options } = this.#options;
    this.#site = await makeSite({ database, parent });
    this.config = loadConfig({ dir: this.dir, database: direct }, {}).database;
    this.daemon = await new Daemon(this.dir, options).start();
    this.admin = await logIn(this.daemon.address);
    for (const asset_tag of codes) await this.admin.post('assets/', { asset_tag, name: `Drill ${asset_tag}` });
    this.writers = new Writers(this.daemon.address, this.admin.headers, { count, codes });
    this.writers.start();
    return this;
  }

  /** Ends it all, however it stands. */
  async stop(): Promise<void> {
    await this.writers?.close();
    await this.daemon?.kill();
    this.#site?.remove();
  }

  /** Forgets what was refused, and writes again after `expectNothingLost`. */
  async again(): Promise<void> {
    this.writers.clear();
    this.writers.start();
    await this.flowing();
  }

  /** Statuses of /alive/ and /health/. */
  async probes(): Promise<{ alive: number; health: number }> {
    const [alive, health] = await Promise.all(['/alive/', '/health/'].map((path) => fetch(this.daemon.address + path)));
    return { alive: alive!.status, health: health!.status };
  }

  /** Waits until that many more scans were answered. */
  flowing(more = 50): Promise<void> {
    const goal = this.writers.answered.size + more;
    return until(() => this.writers.answered.size >= goal, `${more} more scans to be taken`, 20_000);
  }

  /** Waits until that many requests were refused. */
  refusing(count: number): Promise<void> {
    return until(() => this.writers.refused.length >= count, `${count} requests to be refused`, 20_000);
  }

  /** The daemon takes scans and is healthy, without having been started again. */
  async expectHealed(): Promise<void> {
    await this.flowing();
    await until(async () => (await this.probes()).health === 200, 'the daemon to be healthy');
    expect([this.daemon.running, this.daemon.errors()]).toEqual([true, '']);
  }

  /** Ends the load, sends again what was not answered, and holds the ledger against the database. */
  async expectNothingLost(): Promise<void> {
    await this.writers.stop();
    await this.writers.settle();
    expect(this.writers.answered.size).toBe(this.writers.sent.size);
    expect(await balance(this.config, this.writers)).toEqual(balanced);
    expect(await chains(this.config)).toEqual([]);
  }

  /** Whatever was not taken was refused properly, in time, and nobody was cut off. */
  expectProperRefusals(): void {
    expect(this.writers.refused.filter((refusal) => !isProper(refusal))).toEqual([]);
    expect(this.writers.cutOff).toEqual([]);
    expect(this.writers.slowest).toBeLessThan(bound);
  }
}

/** No answer may take longer, whatever the database does. In ms. */
export const bound = 15_000;

/** How a client must be told that the database cannot serve: 503, when to come again, and why, as JSON. */
export function isProper({ status, retryAfter, type, body }: Omit<Refusal, 'client_event_id' | 'ms'>): boolean {
  if (status !== 503 || !/^[1-9]\d*$/.test(retryAfter ?? '') || !type.includes('json')) return false;
  const { detail } = JSON.parse(body);
  return typeof detail === 'string' && detail !== '';
}
