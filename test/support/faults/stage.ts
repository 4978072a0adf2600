/** A site under load: daemon, admin and writers over a database that the test can reach past them. */
import { expect } from 'vitest';
import { type DatabaseConfig, loadConfig } from '../../../src/base/config.ts';
import { until } from '../pty.ts';
import { Daemon, type DaemonOptions } from './daemon.ts';
import { balance, balanced } from './ledger.ts';
import { type Client, logIn, makeSite } from './site.ts';
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

export interface Stage {
  dir: string;
  daemon: Daemon;
  admin: Client;
  writers: Writers;
  /** Leads past the proxy. */
  config: DatabaseConfig;
  /** Statuses of /alive/ and /health/. */
  probes(): Promise<{ alive: number; health: number }>;
  /** Waits until that many more scans were answered. */
  flowing(more?: number, patience?: number): Promise<void>;
  /** Waits until that many requests were refused since `clear()`. */
  refusing(more?: number, patience?: number): Promise<void>;
  /** Ends the load, repeats what was not answered, and holds the ledger against the database. */
  expectNothingLost(): Promise<void>;
  close(): Promise<void>;
}

/** Assets `A-1` to `A-8` are scanned by 16 writers as soon as it resolves. */
export async function raise({
  database,
  direct,
  parent,
  writers: count = 16,
  ...rest
}: StageOptions = {}): Promise<Stage> {
  const site = await makeSite({ database, parent });
  const daemon = await new Daemon(site.dir, rest).start();
  const admin = await logIn(daemon.address);
  const codes = Array.from({ length: 8 }, (_, index) => `A-${index + 1}`);
  for (const asset_tag of codes) await admin.post('assets/', { asset_tag, name: `Drill ${asset_tag}` });
  const writers = new Writers(daemon.address, admin.headers, { count, codes });
  const { database: config } = loadConfig({ dir: site.dir, database: direct ?? database }, {});
  const stage: Stage = {
    ...{ dir: site.dir, daemon, admin, writers, config },
    probes: async () => ({ alive: await statusOf(daemon, '/alive/'), health: await statusOf(daemon, '/health/') }),
    flowing: (more = 50, patience = 20_000) => {
      const goal = writers.answered.size + more;
      return until(() => writers.answered.size >= goal, `${more} more scans to be taken`, patience);
    },
    refusing: (more = 5, patience = 20_000) =>
      until(() => writers.refused.length >= more, `${more} requests to be refused`, patience),
    expectNothingLost: async () => {
      await writers.stop();
      await writers.settle();
      expect(writers.answered.size).toBe(writers.sent.size);
      expect(await balance(config, writers)).toEqual(balanced);
    },
    close: async () => {
      await writers.close();
      daemon.thaw();
      await daemon.kill();
      site.remove();
    },
  };
  writers.start();
  return stage;
}

const statusOf = async (daemon: Daemon, path: string): Promise<number> => (await fetch(daemon.address + path)).status;

/** How a client must be told that the database cannot serve: 503, when to come again, and why, as JSON. */
export function expectProperRefusals(refused: Refusal[]): void {
  const improper = refused.filter((refusal) => !isProper(refusal));
  expect(improper).toEqual([]);
}

function isProper({ status, retryAfter, type, body }: Refusal): boolean {
  if (status !== 503 || !/^[1-9]\d*$/.test(retryAfter ?? '') || !type.includes('json')) return false;
  const { detail } = JSON.parse(body);
  return typeof detail === 'string' && detail !== '';
}
