/**
 * Works on jobs: claims a few more than it can begin, bounds those under way, and hands each to its kind. Whatever happens
 * to this process, the rows say what is to be done.
 */
import PQueue from 'p-queue';
import type { Log } from '../base/log.ts';
import type { Context } from '../db/context.ts';
import type { Database } from '../db/database.ts';
import * as claims from '../queue/claims.ts';
import type { AnyKind, Job } from '../queue/kind.ts';
import * as runners from '../queue/runners.ts';
import { onWake } from '../queue/wake.ts';
import { Attempts } from './attempt.ts';
import type { Dispatch } from './dispatch.ts';

export interface RunnerSettings {
  kinds: readonly AnyKind[];
  /** Jobs of no lane under way at once. */
  concurrency: number;
  /** Undefined: every queue. */
  queues?: readonly string[] | undefined;
  /** Jobs claimed at once, 50 at most; twice the concurrency unless said. */
  batch?: number;
  /** What says which jobs are due in the place of looks at the database. */
  dispatch?: Dispatch | undefined;
}

/** Pauses between looks when nothing wakes the runner, in ms: after work, and the longest. */
const soon = 250;
const seldom = 2_000;
/** Leases are 20 s at least. */
const beat = 5_000;
/** Jobs of all lanes that one process has under way at once, each mostly waiting for its receiver. */
const lanesUnderWay = 256;
/** Claimed ahead for each place in a lane. */
const ahead = 8;
const mostClaimed = 50;
/** How long a stop waits for what is under way, in ms. */
const farewell = 10_000;

interface Held {
  job: Job;
  begun: boolean;
}

export class Runner {
  readonly #database: Database;
  readonly #log: Log;
  readonly #settings: RunnerSettings;
  readonly #batch: number;
  readonly #attempts: Attempts;
  readonly #free: PQueue;
  readonly #lanes = new Map<number, PQueue>();
  readonly #held = new Map<number, Held>();
  /** Given up by this process, and still marked as its own in the database. */
  readonly #leftOver = new Set<Job>();
  readonly #aborting = new AbortController();
  readonly #yielding = new AbortController();
  /** Named by the dispatcher in this turn of the event loop, to be claimed together. */
  #offers: { id: number; done: () => void }[] = [];
  #id = 0;
  #timer: NodeJS.Timeout | undefined;
  #beating: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #again = false;
  #stopping = false;
  #pause = soon;
  #promoteAt = 0;
  #deafen: () => Promise<void> = async () => undefined;

  /** `contextOf` answers what a job is worked on with: the tenant's context where it has one. */
  constructor(ctx: Context, database: Database, settings: RunnerSettings, contextOf: (job: Job) => Promise<Context>) {
    this.#database = database;
    this.#log = ctx.log;
    this.#settings = settings;
    this.#batch = Math.min(mostClaimed, settings.batch ?? settings.concurrency * 2);
    this.#attempts = new Attempts(settings.kinds, contextOf, this.#aborting.signal, this.#yielding.signal);
    this.#free = new PQueue({ concurrency: settings.concurrency });
  }

  async start(): Promise<void> {
    const { concurrency, queues } = this.#settings;
    this.#id = await runners.enter(this.#database, concurrency, queues);
    this.#deafen = onWake(this.#database, () => this.#look());
    this.#beating = setInterval(() => void this.#beat(), beat);
    await this.#settings.dispatch?.start(
      (id) => this.#offer(id),
      () => this.#look(),
    );
    this.#look();
  }

  /** Begins nothing more, waits a while for what is under way, and gives the rest back. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#yielding.abort();
    clearTimeout(this.#timer);
    clearInterval(this.#beating);
    await this.#deafen();
    await this.#settings.dispatch?.pause();
    await this.#round;
    for (const queue of [this.#free, ...this.#lanes.values()]) queue.clear();
    await this.#giveBack([...this.#held.values()].filter(({ begun }) => !begun).map(({ job }) => job));
    const late = setTimeout(() => this.#aborting.abort(), farewell);
    await Promise.all([this.#free, ...this.#lanes.values()].map((queue) => queue.onIdle()));
    clearTimeout(late);
    await this.#settings.dispatch?.stop();
    await this.#beat();
    await runners.leave(this.#database, this.#id).catch(() => undefined);
  }

  /** One look at a time; whoever asks meanwhile gets another. */
  #look(): void {
    if (this.#stopping) return;
    this.#again = true;
    this.#round ??= this.#rounds().finally(() => {
      this.#round = undefined;
    });
  }

  async #rounds(): Promise<void> {
    clearTimeout(this.#timer);
    while (this.#again && !this.#stopping) {
      this.#again = false;
      const claimed = await this.#claim();
      if (claimed > 0) this.#pause = soon;
    }
    if (this.#stopping) return;
    this.#timer = setTimeout(() => this.#look(), await this.#untilNext());
    this.#pause = Math.min(this.#pause * 2, seldom);
  }

  async #untilNext(): Promise<number> {
    const next = await claims.nextIn(this.#database).catch(() => undefined);
    return Math.min(this.#pause, Math.max(next ?? seldom, 10));
  }

  async #claim(): Promise<number> {
    const runner = { id: this.#id, queues: this.#settings.queues };
    try {
      await this.#promote();
      const named = this.#settings.dispatch?.ready ?? false;
      const free = named ? [] : await claims.claim(this.#database, runner, this.#room());
      const inLanes = await claims.claimLanes(this.#database, runner, (lane) => this.#roomIn(lane));
      for (const job of free) void this.#take(job, this.#free);
      for (const job of inLanes) void this.#take(job, this.#lanes.get(job.lane)!);
      return free.length + inLanes.length;
    } catch (error) {
      this.#pause = seldom;
      this.#log.warn({ err: error }, 'Jobs could not be claimed; they are tried again.');
      return 0;
    }
  }

  /** A job that the dispatcher names; resolves when it was worked on, or is not there to be claimed. */
  #offer(id: number): Promise<void> {
    if (this.#stopping) return Promise.resolve();
    return new Promise((done) => {
      this.#offers.push({ id, done });
      if (this.#offers.length === 1) setImmediate(() => void this.#claimOffers());
    });
  }

  async #claimOffers(): Promise<void> {
    const offers = this.#offers.splice(0);
    const runner = { id: this.#id, queues: this.#settings.queues };
    const ids = offers.map(({ id }) => id);
    const jobs = await claims.claimThese(this.#database, runner, ids).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'Jobs could not be claimed; they are named again.');
      return [];
    });
    const taken = new Map(jobs.map((job) => [job.id, this.#take(job, this.#free)]));
    for (const { id, done } of offers) void (taken.get(id) ?? Promise.resolve()).then(done);
  }

  async #promote(): Promise<void> {
    if (Date.now() < this.#promoteAt) return;
    this.#promoteAt = Date.now() + soon;
    await claims.promote(this.#database);
  }

  /** None while enough wait here: half a batch at a time costs few statements, and leaves some to other runners. */
  #room(): number {
    const { size, pending } = this.#free;
    if (size * 2 > this.#batch) return 0;
    return Math.min(this.#batch, this.#settings.concurrency + this.#batch - size - pending);
  }

  /** How many more jobs of the lane are worth having here. */
  #roomIn({ id, max_in_flight, ordered }: claims.Lane): number {
    const concurrency = ordered ? 1 : max_in_flight;
    const queue = this.#lanes.get(id) ?? new PQueue({ concurrency });
    queue.concurrency = concurrency;
    this.#lanes.set(id, queue);
    const most = Math.min(mostClaimed, concurrency * ahead);
    const here = queue.size + queue.pending;
    const total = [...this.#lanes.values()].reduce((sum, lane) => sum + lane.pending, 0);
    return here * 2 > most || total >= lanesUnderWay ? 0 : most - here;
  }

  #take(job: Job, queue: PQueue): Promise<void> {
    const held: Held = { job, begun: false };
    this.#held.set(job.id, held);
    return queue.add(() => this.#work(held, queue));
  }

  async #work(held: Held, queue: PQueue): Promise<void> {
    const { job } = held;
    if (this.#stopping || this.#held.get(job.id) !== held) return;
    held.begun = true;
    const outcome = await this.#attempts.at(job);
    this.#held.delete(job.id);
    if (outcome === 'abandoned') this.#leftOver.add(job);
    if (outcome === 'held') await this.#clearLane(job.lane, queue);
    if (queue.size === 0 && queue.pending <= 1 && job.lane !== 0) this.#lanes.delete(job.lane);
    // Half of what was claimed is left: more can be had while it is worked on.
    if (queue.size * 2 <= this.#batch) this.#look();
  }

  /** Nobody is to be tried in a lane that is held: what waits here goes back. */
  async #clearLane(lane: number, queue: PQueue): Promise<void> {
    queue.clear();
    await this.#giveBack(
      [...this.#held.values()].filter(({ job, begun }) => job.lane === lane && !begun).map(({ job }) => job),
    );
  }

  async #giveBack(jobs: Job[]): Promise<void> {
    for (const job of jobs) this.#held.delete(job.id);
    for (const job of jobs) this.#leftOver.add(job);
    await this.#releaseLeftOver();
  }

  async #releaseLeftOver(): Promise<void> {
    const jobs = [...this.#leftOver];
    if (jobs.length === 0) return;
    try {
      await claims.release(this.#database, jobs);
      for (const job of jobs) this.#leftOver.delete(job);
    } catch (error) {
      this.#log.warn({ err: error }, 'Jobs could not be given back; their leases run out by themselves.');
    }
  }

  async #beat(): Promise<void> {
    const runner = { id: this.#id, queues: this.#settings.queues };
    try {
      await claims.heartbeat(this.#database, runner, [...this.#held.keys()]);
      await this.#releaseLeftOver();
      if (this.#stopping) return;
      for (const job of await claims.sweep(this.#database, runner)) await this.#attempts.giveUp(job);
      this.#look();
    } catch (error) {
      this.#log.warn({ err: error }, 'The heartbeat of the job runner failed.');
    }
  }
}
