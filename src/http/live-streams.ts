/** The live streams of one process: how many there are, what wakes them, and their end when it stops. */
import { TooMany, Unavailable } from '../base/errors.ts';
import type { Database } from '../db/database.ts';
import { onNews } from '../queue/news.ts';

/** Open at once in one process: each costs a few statements a second. */
const maxStreams = 200;
/** When to ask again for a place, in s. */
const placeWait = 10;

export interface Place {
  /** Of the stop, or of the reader that went. */
  signal: AbortSignal;
  alarm: Alarm;
  end(): void;
}

/** Streams share one ear, as that is a connection on PostgreSQL; it opens with the first of them and closes at the stop. */
export class Streams {
  readonly #database: Database;
  readonly #stop = new AbortController();
  readonly #alarms = new Set<Alarm>();
  #deafen: (() => Promise<void>) | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /** TooMany, or Unavailable when the daemon is about to stop. */
  begin(gone: AbortSignal): Place {
    if (this.#stop.signal.aborted) throw new Unavailable('The daemon stops. Try again.');
    if (this.#alarms.size >= maxStreams)
      throw new TooMany('Too many live streams are open here. Try again.', placeWait);
    this.#deafen ??= onNews(this.#database, () => {
      for (const alarm of this.#alarms) alarm.ring();
    });
    const signal = AbortSignal.any([this.#stop.signal, gone]);
    const alarm = new Alarm(signal);
    this.#alarms.add(alarm);
    return { signal, alarm, end: () => this.#alarms.delete(alarm) };
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#deafen?.();
  }
}

/** Rings are kept: one that comes while nobody waits ends the next wait at once. */
export class Alarm {
  readonly #signal: AbortSignal;
  #rung = false;
  #heard: () => void = () => undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#heard());
  }

  ring(): void {
    this.#rung = true;
    this.#heard();
  }

  /** What has rung so far is seen to from now on. */
  reset(): void {
    this.#rung = false;
  }

  /** Until it rings, though not before `earliest`, until `latest`, or until the signal; both of `performance.now()`. True when it rang. */
  next(earliest: number, latest: number): Promise<boolean> {
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const look = () => {
        clearTimeout(timer);
        const wait = (this.#rung ? earliest : latest) - performance.now();
        if (wait > 0 && !this.#signal.aborted) timer = setTimeout(look, wait);
        else resolve(this.#rung);
      };
      this.#heard = look;
      look();
    });
  }
}
