/**
 * BullMQ on Redis or Valkey as the engine that hands out work: it is told the ids of what is due and says them to a runner,
 * which claims the row. The rows stay the truth, so whatever Redis forgets is told again, and while it is away runners look
 * by themselves.
 */
import type { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Log } from '../base/log.ts';
import type { Database } from '../db/database.ts';
import * as claims from '../queue/claims.ts';
import { queueNames } from '../queue/kind.ts';
import { onWake } from '../queue/wake.ts';

export interface Dispatch {
  /** False: it cannot be relied on now. */
  readonly ready: boolean;
  /** `offer` resolves when the job of that id was worked on; `look` says that there is something in a lane. */
  start(offer: (id: number) => Promise<void>, look: () => void): Promise<void>;
  /** Names no more. */
  pause(): Promise<void>;
  /** `force`: what it has named is not waited for. */
  stop(force?: boolean): Promise<void>;
}

export interface DispatchSettings {
  /** `redis://…` */
  url: string;
  /** Tells one site's jobs from another's in the same Redis. */
  prefix: string;
  concurrency: number;
  queues?: readonly string[] | undefined;
}

/** Named and not worked on for so long, a job is named again, in ms. */
const forgotten = 10_000;
/** Looks at what is due when nothing wakes the relay, in ms. */
const pause = 500;
/** Most that is told ahead of each queue, so that little is told twice when Redis forgets it. */
const ahead = 2_000;
const gone = { count: 0 };

export class RedisDispatch implements Dispatch {
  readonly #database: Database;
  readonly #log: Log;
  readonly #settings: DispatchSettings;
  readonly #queues = new Map<string, Queue>();
  readonly #workers: Worker[] = [];
  #connections: Redis[] = [];
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  #said = false;
  #deafen: () => Promise<void> = async () => undefined;

  constructor(database: Database, log: Log, settings: DispatchSettings) {
    this.#database = database;
    this.#log = log;
    this.#settings = settings;
  }

  get ready(): boolean {
    return this.#connections.length > 0 && this.#connections.every(({ status }) => status === 'ready');
  }

  async start(offer: (id: number) => Promise<void>, look: () => void): Promise<void> {
    const { Queue, Worker } = await import('bullmq');
    const [telling, hearing] = [await this.#connect(), await this.#connect()];
    const { prefix, concurrency, queues: own = queueNames } = this.#settings;
    const options = { prefix, connection: telling };
    for (const name of queueNames) {
      const queue = new Queue(name, { ...options, defaultJobOptions: { removeOnComplete: true, removeOnFail: true } });
      queue.on('error', (error) => this.#complain(error));
      this.#queues.set(name, queue);
    }
    for (const name of own) {
      const work = ({ data }: { data: { id: number } }) => offer(data.id);
      // What a dead runner left here is named once more, finds its row gone or claimed, and is forgotten.
      const more = { removeOnComplete: gone, removeOnFail: gone };
      const worker = new Worker(name, work, { ...options, ...more, concurrency });
      worker.on('error', (error) => this.#complain(error));
      this.#workers.push(worker);
    }
    hearing.on('message', look);
    hearing.subscribe(this.#channel).catch((error: Error) => this.#complain(error));
    this.#deafen = onWake(this.#database, () => {
      if (this.ready) telling.publish(this.#channel, '').catch((error: Error) => this.#complain(error));
      this.#relay();
    });
    this.#relay();
  }

  async pause(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#deafen();
    // What was asked of a Redis that is away would be waited for.
    if (!this.ready) for (const connection of this.#connections) connection.disconnect();
    await this.#round;
    await Promise.all(this.#workers.map((worker) => worker.pause(true).catch(() => undefined)));
  }

  async stop(hasty = false): Promise<void> {
    const force = hasty || !this.ready;
    await Promise.all(this.#workers.map((worker) => worker.close(force).catch(() => undefined)));
    await Promise.all([...this.#queues.values()].map((queue) => queue.close().catch(() => undefined)));
    for (const connection of this.#connections) connection.disconnect();
  }

  get #channel(): string {
    return `${this.#settings.prefix}:wake`;
  }

  async #connect(): Promise<Redis> {
    const { Redis } = await import('ioredis');
    const connection = new Redis(this.#settings.url, {
      maxRetriesPerRequest: null,
      retryStrategy: (times) => Math.min(times * 200, 2_000),
    });
    connection.on('error', (error) => this.#complain(error));
    connection.on('ready', () => {
      this.#said = false;
    });
    this.#connections.push(connection);
    return connection;
  }

  /** Once for each time that it goes away. */
  #complain(error: Error): void {
    if (this.#said || this.#stopped) return;
    this.#said = true;
    this.#log.warn({ err: error }, 'Redis cannot be used; jobs are taken from the database until it can.');
  }

  /** Tells what is due; one round at a time. */
  #relay(): void {
    this.#again = true;
    if (this.#stopped) return;
    this.#round ??= this.#rounds().finally(() => {
      this.#round = undefined;
    });
  }

  async #rounds(): Promise<void> {
    clearTimeout(this.#timer);
    while (this.#again && !this.#stopped && this.ready) {
      this.#again = false;
      try {
        await this.#tell();
      } catch (error) {
        this.#complain(error as Error);
      }
    }
    if (!this.#stopped) this.#timer = setTimeout(() => this.#relay(), pause);
  }

  /** Each queue by itself: one that nobody works on must not take up the room of the others. */
  async #tell(): Promise<void> {
    for (const [name, queue] of this.#queues) {
      const room = ahead - (await queue.count());
      const due = await claims.untold(this.#database, name, forgotten, room);
      if (due.length > 0) await queue.addBulk(due.map(messageOf));
      if (due.length === room && room > 0) this.#again = true;
    }
  }
}

/** Named once while it is waiting there; after another attempt it has another name. */
const messageOf = ({ id, priority, attempts, crashes }: claims.Due) => ({
  name: 'job',
  data: { id },
  opts: {
    jobId: `${id}-${attempts}-${crashes}`,
    ...(priority > 0 && { priority }),
    ...(priority < 0 && { lifo: true }),
  },
});
