/**
 * Works on jobs: claims a few more than it can begin, bounds those under way, and hands each to its kind. Whatever happens
 * to this process, the rows say what is to be done.
 */
import PQueue from 'p-queue';
import { Gather } from '../base/gather.ts';
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
import { Looks, seldom, soon, type Wanted } from './looks.ts';

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

/** Leases are 20 s at least. */
const beat = 5_000;
const mostClaimed = 50;

/** In an object, as a promise of a promise would be waited for. */
interface Working {
  work: Promise<void>;
}

export class Runner {
  readonly #database: Database;
  readonly #log: Log;
  readonly #settings: RunnerSettings;
  readonly #batch: number;
  readonly #attempts: Attempts;
  readonly #free: PQueue;
  readonly #lanes = new LaneQueues();
  readonly #held: HeldJobs;
  readonly #looks: Looks;
  /** What is under way, or waits here to be. */
  readonly #working = new Set<Promise<void>>();
  readonly #aborting = new AbortController();
  readonly #yielding = new AbortController();
  #id = 0;
  #beating: NodeJS.Timeout | undefined;
  #stopping = false;
  /** The last look at jobs of no lane got all that there was room for. */
  #more = false;
  /** ms until a lane that has used up its rate has more. */
  #refillIn = seldom;
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
    this.#looks = new Looks({
      claim: (wanted) => this.#claim(wanted),
      untilNext: () => this.#untilNext(),
      complain: (error) => this.#log.warn({ err: error }, 'Jobs could not be claimed; they are tried again.'),
    });
  }

  async start(): Promise<void> {
    const { concurrency, queues } = this.#settings;
    this.#id = await runners.enter(this.#database, concurrency, queues);
    this.#deafen = onWake(this.#database, () => this.#looks.ask());
    this.#beating = setInterval(() => void this.#beat(), beat);
    const offers = new Gather<number, Working>((ids) => this.#claimNamed(ids), mostClaimed);
    await this.#settings.dispatch?.start(
      async (id) => {
        if (!this.#stopping) await (await offers.get(id))?.work;
      },
      () => this.#looks.ask(),
    );
    this.#looks.ask();
    // What a dead runner of this machine had is not to wait for the first beat.
    void this.#beat();
  }

  /** Begins nothing more, waits a while for what is under way, and gives the rest back. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const looked = this.#looks.stop();
    this.#yielding.abort();
    clearInterval(this.#beating);
    await this.#deafen();
    await this.#settings.dispatch?.pause();
    await looked;
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

  async #claim({ free, lanes, due }: Wanted): Promise<number> {
    try {
      if (due) await claims.promote(this.#database);
      return (free ? await this.#claimFree() : 0) + (lanes ? await this.#claimInLanes() : 0);
    } catch (error) {
      this.#more = false;
      throw error;
    } finally {
      this.#lanes.tidy();
    }
  }

  async #untilNext(): Promise<number> {
    // There is enough to do until it looks at everything anyway.
    if (this.#more) return Math.min(soon, this.#refillIn);
    const next = await claims.nextIn(this.#database).catch(() => undefined);
    return Math.min(next ?? seldom, this.#refillIn);
  }

  get #runner(): claims.Runner {
    return { id: this.#id, queues: this.#settings.queues };
  }

  async #claimFree(): Promise<number> {
    if (this.#settings.dispatch?.ready) {
      this.#more = false;
      return 0;
    }
    const room = this.#room();
    const jobs = await claims.claim(this.#database, this.#runner, room, this.#more);
    this.#more = jobs.length === room;
    for (const job of jobs) void this.#take(job, this.#free);
    // All of them could begin: the next are claimed while they are worked on, and share the commit of their ends.
    if (this.#more && this.#room() > 0) this.#looks.ask('free');
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

  /** What a dispatcher names one by one. */
  async #claimNamed(ids: readonly number[]): Promise<Map<number, Working>> {
    const jobs = await claims.claimThese(this.#database, this.#runner, ids).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'Jobs could not be claimed; they are named again.');
      return [];
    });
    return new Map(jobs.map((job) => [job.id, { work: this.#take(job, this.#free) }]));
  }

  /** None while enough wait here: half a batch at a time costs few statements, and leaves some to other runners. */
  #room(): number {
    const { size, pending } = this.#free;
    if (size * 2 > this.#batch) return 0;
    return Math.min(this.#batch, this.#settings.concurrency + this.#batch - size - pending);
  }

  #take(job: Job, queue: PQueue): Promise<void> {
    const work = this.#work(this.#held.add(job), queue);
    this.#working.add(work);
    return work.finally(() => this.#working.delete(work));
  }

  /** What came of a job is written down within its place in the queue, or beside it where its kind says that it may be. */
  async #work(held: Held, queue: PQueue): Promise<void> {
    let end: Promise<void> | undefined;
    await queue.add(async () => {
      if (!(await this.#mayBegin(held))) return;
      const performed = await this.#attempts.perform(held.job);
      end = this.#end(held, queue, performed);
      if (!performed.early) await end;
    });
    await end;
  }

  /** Not when it was given back meanwhile, or the runner is to stop. */
  async #mayBegin(held: Held): Promise<boolean> {
    if (!this.#held.has(held)) return false;
    const noted = !leases.isSuspicious(held.job) || (await this.#noteBegin(held.job));
    if (noted && !this.#stopping) {
      held.begun = true;
      return true;
    }
    this.#held.end(held);
    this.#held.leave(held.job);
    return false;
  }

  async #noteBegin(job: Job): Promise<boolean> {
    return leases.begin(this.#database, job).then(
      () => true,
      () => false,
    );
  }

  async #end(held: Held, queue: PQueue, performed: Performed): Promise<void> {
    const outcome = await this.#attempts.tell(performed);
    this.#held.end(held);
    if (outcome === 'abandoned') this.#held.leave(held.job);
    // Nobody is to be tried in a lane that is held: what waits here goes back, and is passed over when its turn comes.
    if (outcome === 'held') await this.#held.giveBack(held.job.lane);
    if (outcome !== 'done') return this.#looks.ask();
    // Half of what was claimed is left: more can be had while it is worked on.
    const { lane } = held.job;
    if (lane === 0) return this.#more && queue.size * 2 <= this.#batch ? this.#looks.ask('free') : undefined;
    if (this.#lanes.isLow(lane, this.#held.inLane(lane))) this.#looks.ask('lanes');
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
      this.#looks.ask();
    } catch (error) {
      this.#log.warn({ err: error }, 'The heartbeat of the job runner failed.');
    }
  }
}
