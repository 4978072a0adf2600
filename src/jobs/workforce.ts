/** The job runner with its clock: what `serve` has beside the API and `work` has alone. */
import { Unavailable } from '../base/errors.ts';
import { metrics } from '../base/metrics.ts';
import type { Context, Tenant } from '../db/context.ts';
import type { Database, Db } from '../db/database.ts';
import * as accounts from '../domain/accounts/service.ts';
import type { AnyKind, Job, Schedule } from '../queue/kind.ts';
import { type Backlog, backlog } from '../queue/runners.ts';
import type { Dispatch } from './dispatch.ts';
import { Runner } from './runner.ts';
import { Scheduler } from './schedule.ts';

export interface WorkSettings {
  kinds: readonly AnyKind[];
  schedules: (ctx: Context) => Promise<Schedule[]>;
  /** Jobs of no lane under way at once. */
  concurrency: number;
  /** Undefined: every queue. */
  queues?: readonly string[] | undefined;
  batch?: number;
  /** Closes what the kinds hold open, once none of them is under way. */
  close?: () => Promise<void>;
  dispatch?: Dispatch | undefined;
}

/** A tenant's name and settings may be this old in a job, in ms. */
const tenantAge = 1_000;
/** Between tries to begin, in ms. */
const pause = 2_000;

export class Workforce {
  readonly #ctx: Context;
  readonly #runner: Runner;
  readonly #scheduler: Scheduler;
  readonly #close: (() => Promise<void>) | undefined;
  #working = false;
  #again: NodeJS.Timeout | undefined;
  #beginning: Promise<void> = Promise.resolve();
  readonly #tenants = new Map<number, { tenant: Promise<Tenant | null>; until: number }>();

  constructor(ctx: Context, database: Database, settings: WorkSettings) {
    this.#ctx = { ...ctx, actor: { kind: 'system', id: null, label: 'jobs', role: 'admin', superuser: true } };
    this.#runner = new Runner(this.#ctx, database, settings, (job) => this.#contextOf(job));
    this.#scheduler = new Scheduler(this.#ctx, settings.schedules);
    this.#close = settings.close;
  }

  /** While the database cannot be written, it is tried again and again: the API beside it may be of use. */
  async start(): Promise<void> {
    await this.#begin();
    this.#scheduler.start();
  }

  async #begin(): Promise<void> {
    try {
      await this.#runner.start();
      this.#working = true;
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      this.#ctx.log.warn({ err: error }, 'The job runner cannot begin yet; it tries again.');
      this.#again = setTimeout(() => {
        this.#beginning = this.#begin().catch((err: unknown) =>
          this.#ctx.log.error({ err }, 'The job runner could not begin. Start the program again.'),
        );
      }, pause);
    }
  }

  async stop(): Promise<void> {
    await this.#scheduler.stop();
    await this.#beginning;
    clearTimeout(this.#again);
    if (this.#working) await this.#runner.stop();
    await this.#close?.();
  }

  /** No tenant where it is disabled. Who listens and which forms there are is left open, so that whoever needs it asks: what a job does may be told at once. */
  async #contextOf({ tenant: id }: Job): Promise<Context> {
    if (id === null) return this.#ctx;
    const known = this.#tenants.get(id);
    if (known && known.until > performance.now()) return { ...this.#ctx, tenant: await known.tenant };
    const tenant = accounts.activeTenant(this.#ctx, id).then((found) => found ?? null);
    // Those that begin together ask once.
    this.#tenants.set(id, { tenant, until: performance.now() + tenantAge });
    tenant.catch(() => this.#tenants.delete(id));
    return { ...this.#ctx, tenant: await tenant };
  }
}

/** How often it is counted: a million rows take a second, so the longer it took, the longer it is kept. */
const share = 10;
const counted = new WeakMap<Db, { backlog: Promise<Backlog>; until: number }>();

function recentBacklog(db: Db): Promise<Backlog> {
  const known = counted.get(db);
  if (known && known.until > performance.now()) return known.backlog;
  const began = performance.now();
  const entry = { backlog: backlog(db), until: Number.POSITIVE_INFINITY };
  counted.set(db, entry);
  const keep = (times: number) => () => {
    entry.until = performance.now() + (performance.now() - began) * times;
  };
  entry.backlog.then(keep(share), keep(0));
  return entry.backlog;
}

/** What `/health/` says of the jobs: nobody there to do them is a fault only where there are some. */
export async function health(db: Db) {
  const { workers, pending, waiting, dead } = await recentBacklog(db);
  const idle = workers === 0 && pending > 0;
  return {
    status: idle ? ('degraded' as const) : ('healthy' as const),
    component: 'jobs',
    workers,
    pending,
    waiting,
    dead,
    ...(idle && {
      error: 'Jobs wait and no runner is there. Start `assetra work`, or `assetra serve` without --no-jobs.',
    }),
  };
}

/** Before the numbers are read. */
export async function measure(db: Db): Promise<void> {
  const { workers, pending, waiting, dead } = await recentBacklog(db);
  metrics.jobsPending.set(pending);
  metrics.celeryPending.set(pending);
  metrics.jobsWaiting.set(waiting);
  metrics.jobsDead.set(dead);
  metrics.jobRunners.set(workers);
}
