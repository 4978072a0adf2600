/**
 * The clock. Every runner looks at every schedule, and a row per tick decides who enqueues: so each tick comes once however
 * many runners there are, and is not missed while one is there. Which moments are meant is in ticks.ts.
 */
import { type Context, inTransaction } from '../db/context.ts';
import type { Row } from '../db/database.ts';
import { UniqueViolation } from '../db/errors.ts';
import * as jobs from '../queue/jobs.ts';
import type { Schedule } from '../queue/kind.ts';
import { type Ticks, ticksOf } from './ticks.ts';

const second = 1_000;
/** The list is asked for again after so long, and so is the database's clock, in ms. */
const reload = 10_000;
/** Of ticks that nobody was there for, the last one is made up for if it is not older, in ms. */
const lookBack = 24 * 3_600_000;

export class Scheduler {
  readonly #ctx: Context;
  readonly #listed: (ctx: Context) => Promise<Schedule[]>;
  readonly #ticks = new Map<string, Ticks>();
  #schedules: Schedule[] = [];
  #loadedAt = 0;
  /** The database's clock minus ours, in ms. */
  #offset = 0;
  /** Up to when each task was looked at. */
  readonly #seen = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();

  constructor(ctx: Context, listed: (ctx: Context) => Promise<Schedule[]>) {
    this.#ctx = ctx;
    this.#listed = listed;
  }

  start(): void {
    this.#timer = setTimeout(
      () => {
        this.#round = this.#run();
      },
      second - ((Date.now() + this.#offset) % second),
    );
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#round;
    for (const ticks of this.#ticks.values()) ticks.close();
  }

  async #run(): Promise<void> {
    try {
      if (Date.now() - this.#loadedAt > reload || this.#loadedAt > Date.now()) await this.load();
      await this.look(Date.now() + this.#offset);
    } catch (error) {
      this.#ctx.log.warn({ err: error }, 'The schedules could not be looked at; they are in a second.');
    }
    if (this.#timer) this.start();
  }

  /** Asks what is scheduled, and the database for the time. */
  async load(): Promise<void> {
    this.#offset = (await jobs.clockOf(this.#ctx.db)) - Date.now();
    const schedules = await this.#listed(this.#ctx);
    const tasks = new Set(schedules.map(({ task }) => task));
    // One that is taken away and comes again starts anew.
    for (const task of this.#seen.keys()) if (!tasks.has(task)) this.#seen.delete(task);
    for (const schedule of schedules) if (!this.#seen.has(schedule.task)) await this.#recall(schedule);
    this.#schedules = schedules;
    this.#loadedAt = Date.now();
  }

  /** A task goes on from its last tick, or from when it was changed after that; one that never had any starts when it is new. */
  async #recall({ task, since = 0 }: Schedule): Promise<void> {
    const now = Date.now() + this.#offset;
    const [row] = await this.#ctx.db.query<Row>('SELECT MAX(tick_at) AS tick FROM cron_ticks WHERE task = ?', [task]);
    // A change that is still to come was written by a machine whose clock is wrong.
    const changed = since <= now ? since : 0;
    const last = row?.tick == null ? now - (changed > 0 ? 2 * reload : second) : Number(row.tick);
    this.#seen.set(task, Math.max(last, changed, now - lookBack));
  }

  /** Enqueues what is due at `now`, by the database's clock: of each task the latest tick since the last look. */
  async look(now: number): Promise<void> {
    const faults: unknown[] = [];
    for (const schedule of this.#schedules)
      try {
        await this.#lookAt(schedule, now);
      } catch (error) {
        // The others have their ticks all the same.
        faults.push(error);
      }
    if (faults.length > 0) throw faults[0];
  }

  async #lookAt(schedule: Schedule, now: number): Promise<void> {
    const tick = this.#ticksOf(schedule).latest(Math.max(this.#seen.get(schedule.task)!, now - lookBack), now);
    if (tick !== undefined) await this.#enqueue(schedule, tick);
    this.#seen.set(schedule.task, now);
  }

  #ticksOf({ cron, timezone }: Schedule): Ticks {
    const key = `${cron} ${timezone}`;
    const known = this.#ticks.get(key);
    if (known) return known;
    const ticks = ticksOf(cron, timezone);
    this.#ticks.set(key, ticks);
    return ticks;
  }

  async #enqueue({ task, job }: Schedule, tick_at: number): Promise<void> {
    try {
      await inTransaction(this.#ctx, async (tx) => {
        await tx.db.insertMany('cron_ticks', [{ task, tick_at }]);
        await jobs.start(tx, job);
      });
    } catch (error) {
      // Another runner was first.
      if (!(error instanceof UniqueViolation)) throw error;
    }
  }
}
