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
import { claimLanes } from '../queue/lane-claims.ts';
import * as leases from '../queue/leases.ts';
import * as runners from '../queue/runners.ts';
import { onWake } from '../queue/wake.ts';
import { Attempts, type Performed } from './attempt.ts';
import type { Dispatch } from './dispatch.ts';
import { sayFarewell } from './farewell.ts';
import { type Held, HeldJobs } from './held.ts';
import { LaneQueues } from './lane-queues.ts';
import { Offers } from './offers.ts';

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
const mostClaimed = 50;

export class Runner {
  readonly #database: Database;
  readonly #log: Log;
  readonly #settings: RunnerSettings;
  readonly #batch: number;
  readonly #attempts: Attempts;
  readonly #free: PQueue;
  readonly #lanes = new LaneQueues();
  readonly #held: HeldJobs;
  /** What is under way, or waits here to be. */
  readonly #working = new Set<Promise<void>>();
  readonly #aborting = new AbortController();
  readonly #yielding = new AbortController();
  #id = 0;
  #timer: NodeJS.Timeout | undefined;
  #beating: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #again = false;
  #stopping = false;
  #pause = soon;
  /** ms until a lane that has used up its rate has more. */
  #refillIn = seldom;
  /** By the clock that nobody sets. */
  #promoteAt = 0;
  #beats: Promise<void> | undefined;
  #deafen: () => Promise<void> = async () => undefined;

  /** `contextOf` answers what a job is worked on with: the tenant's context where it has one. */
  constructor(ctx: Context, database: Database, settings: RunnerSettings, contextOf: (job: Job) => Promise<Context>) {
    this.#database = database;
    this.#log = ctx.log;
    this.#settings = settings;
    this.#batch = Math.min(mostClaimed, settings.batch ?? settings.concurrency * 2);
    this.#attempts = new Attempts(settings.kinds, contextOf, this.#aborting.signal, this.#yielding.signal);
    this.#free = new PQueue({ concurrency: settings.concurrency });
    this.#held = new HeldJobs(database, (error) =>
      this.#log.warn({ err: error }, 'Jobs could not be given back; their leases run out by themselves.'),
    );
  }

  async start(): Promise<void> {
    const { concurrency, queues } = this.#settings;
    this.#id = await runners.enter(this.#database, concurrency, queues);
    this.#deafen = onWake(this.#database, () => this.#look());
    this.#beating = setInterval(() => void this.#beat(), beat);
    const offers = new Offers((ids) => this.#claimNamed(ids));
    await this.#settings.dispatch?.start(
      (id) => (this.#stopping ? Promise.resolve() : offers.add(id)),
      () => this.#look(),
    );
    this.#look();
    // What a dead runner of this machine had is not to wait for the first beat.
    void this.#beat();
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
    clearTimeout(this.#timer);
    await this.#held.giveBack();
    const queues = [this.#free, ...this.#lanes.all()];
    const ended = await sayFarewell(queues, this.#working, () => this.#aborting.abort());
    await this.#settings.dispatch?.stop(!ended);
    await this.#beats;
    await this.#held.releaseLeft();
    if (ended) return runners.leave(this.#database, this.#id).catch(() => undefined);
    this.#log.warn('Jobs were still under way; they are left to the next runner.');
    // Still on the list: the next one on this machine then sees that this process is gone.
    runners.desert(this.#id);
  }

  /** One look at a time; whoever asks meanwhile gets another. */
  #look(): void {
    if (this.#stopping) return;
    this.#again = true;
    this.#round ??= this.#rounds().finally(() => {
      this.#round = undefined;
      if (this.#again) this.#look();
    });
  }

  async #rounds(): Promise<void> {
    clearTimeout(this.#timer);
    let wait = seldom;
    // Woken while it asks how long to wait, it looks again at once.
    while (this.#again && !this.#stopping) {
      this.#again = false;
      const claimed = await this.#claim();
      if (claimed > 0) this.#pause = soon;
      if (!this.#again && !this.#stopping) wait = await this.#untilNext();
    }
    if (this.#stopping) return;
    this.#timer = setTimeout(() => this.#look(), wait);
    this.#pause = Math.min(this.#pause * 2, seldom);
  }

  async #untilNext(): Promise<number> {
    const next = await claims.nextIn(this.#database).catch(() => undefined);
    return Math.min(this.#pause, Math.max(Math.min(next ?? seldom, this.#refillIn), 10));
  }

  async #claim(): Promise<number> {
    try {
      await this.#promote();
      return (await this.#claimFree()) + (await this.#claimInLanes());
    } catch (error) {
      this.#pause = seldom;
      this.#log.warn({ err: error }, 'Jobs could not be claimed; they are tried again.');
      return 0;
    } finally {
      this.#lanes.tidy();
    }
  }

  get #runner(): claims.Runner {
    return { id: this.#id, queues: this.#settings.queues };
  }

  async #claimFree(): Promise<number> {
    if (this.#settings.dispatch?.ready) return 0;
    const jobs = await claims.claim(this.#database, this.#runner, this.#room());
    for (const job of jobs) void this.#take(job, this.#free);
    return jobs.length;
  }

  async #claimInLanes(): Promise<number> {
    this.#refillIn = seldom;
    const later = (ms: number) => {
      this.#refillIn = Math.min(this.#refillIn, Math.ceil(ms));
    };
    const jobs = await claimLanes(
      this.#database,
      this.#runner,
      (lane) => this.#lanes.room(lane, this.#held.inLane(lane.id)),
      later,
    );
    for (const job of jobs) void this.#take(job, this.#lanes.of(job.lane));
    return jobs.length;
  }

  async #claimNamed(ids: readonly number[]): Promise<Map<number, Promise<void>>> {
    const jobs = await claims.claimThese(this.#database, this.#runner, ids).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'Jobs could not be claimed; they are named again.');
      return [];
    });
    return new Map(jobs.map((job) => [job.id, this.#take(job, this.#free)]));
  }

  async #promote(): Promise<void> {
    if (performance.now() < this.#promoteAt) return;
    this.#promoteAt = performance.now() + soon;
    await claims.promote(this.#database);
  }

  /** None while enough wait here: half a batch at a time costs few statements, and leaves some to other runners. */
  #room(): number {
    const { size, pending } = this.#free;
    if (size * 2 > this.#batch) return 0;
    return Math.min(this.#batch, this.#settings.concurrency + this.#batch - size - pending);
  }

  /** What came of a job is written down within its place in the queue, or beside it where its kind says that it may be. */
  #take(job: Job, queue: PQueue): Promise<void> {
    const held = this.#held.add(job);
    const begun = queue.add(async () => {
      const performed = await this.#begin(held);
      if (performed?.early) return performed;
      if (performed) await this.#end(held, queue, performed);
      return undefined;
    });
    const work = begun.then((performed) => (performed ? this.#end(held, queue, performed) : undefined));
    this.#working.add(work);
    return work.finally(() => this.#working.delete(work));
  }

  /** Undefined when it is not to be begun any more. */
  async #begin(held: Held): Promise<Performed | undefined> {
    if (!this.#held.has(held)) return undefined;
    const noted = !leases.isSuspicious(held.job) || (await this.#noteBegin(held.job));
    if (this.#stopping || !noted) {
      this.#held.end(held);
      this.#held.leave(held.job);
      return undefined;
    }
    held.begun = true;
    return this.#attempts.perform(held.job);
  }

  async #noteBegin(job: Job): Promise<boolean> {
    return leases.begin(this.#database, job).then(
      () => true,
      () => false,
    );
  }

  async #end(held: Held, queue: PQueue, { tell }: Performed): Promise<void> {
    const outcome = await tell();
    this.#held.end(held);
    if (outcome === 'abandoned') this.#held.leave(held.job);
    // Nobody is to be tried in a lane that is held: what waits here goes back, and is passed over when its turn comes.
    if (outcome === 'held') await this.#held.giveBack(held.job.lane);
    // Half of what was claimed is left: more can be had while it is worked on.
    if (queue.size * 2 <= this.#batch) this.#look();
  }

  /** One at a time, as a slow database would have them pile up. */
  #beat(): Promise<void> {
    this.#beats ??= this.#tellAlive().finally(() => {
      this.#beats = undefined;
    });
    return this.#beats;
  }

  async #tellAlive(): Promise<void> {
    try {
      await leases.heartbeat(this.#database, this.#runner, this.#held.ids());
      await this.#held.releaseLeft();
      if (this.#stopping) return;
      for (const job of await leases.sweep(this.#database, this.#runner)) await this.#attempts.giveUp(job);
      this.#look();
    } catch (error) {
      this.#log.warn({ err: error }, 'The heartbeat of the job runner failed.');
    }
  }
}
