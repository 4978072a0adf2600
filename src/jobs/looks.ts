/** When a runner looks for jobs: whenever it is asked to, one look at a time, and by itself now and then. */

/** Pauses between looks when nothing asks for one, in ms: after work, and the longest. */
export const soon = 250;
export const seldom = 2_000;
const shortest = 10;

export interface Wanted {
  /** Jobs of no lane. */
  free: boolean;
  lanes: boolean;
  /** Also at what has become due; comes every quarter of a second at most, with all the rest. */
  due: boolean;
}

export interface Looking {
  /** Takes what there is of it, and answers how many that were. */
  claim(wanted: Wanted): Promise<number>;
  /** ms until there may be something that nobody tells of. */
  untilNext(): Promise<number>;
  complain(error: unknown): void;
}

export class Looks {
  readonly #looking: Looking;
  #free = false;
  #lanes = false;
  #round: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #pause = soon;
  /** When it is to look at everything, by the clock that nobody sets. */
  #wholeAt = 0;
  #stopped = false;

  constructor(looking: Looking) {
    this.#looking = looking;
  }

  /** Whoever asks while it looks gets another look. */
  ask(only?: 'free' | 'lanes'): void {
    if (only !== 'lanes') this.#free = true;
    if (only !== 'free') this.#lanes = true;
    this.#begin();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#round;
    clearTimeout(this.#timer);
  }

  get #asked(): boolean {
    return (this.#free || this.#lanes) && !this.#stopped;
  }

  #begin(): void {
    if (!this.#asked) return;
    this.#round ??= this.#rounds().finally(() => {
      this.#round = undefined;
      this.#begin();
    });
  }

  async #rounds(): Promise<void> {
    clearTimeout(this.#timer);
    let wait = seldom;
    // Asked while it finds out how long to wait, it looks again at once.
    while (this.#asked) {
      if ((await this.#look()) > 0) this.#pause = soon;
      if (!this.#asked && !this.#stopped) wait = Math.max(await this.#looking.untilNext(), shortest);
    }
    if (this.#stopped) return;
    this.#timer = setTimeout(() => this.ask(), Math.min(wait, this.#pause));
    this.#pause = Math.min(this.#pause * 2, seldom);
  }

  /** Now and then at everything, whatever was asked for: nobody tells what other processes add. */
  async #look(): Promise<number> {
    const due = performance.now() >= this.#wholeAt;
    const wanted = { free: this.#free || due, lanes: this.#lanes || due, due };
    this.#free = false;
    this.#lanes = false;
    // Set first: while the database is away, it is not to be asked without a pause.
    if (due) this.#wholeAt = performance.now() + soon;
    try {
      return await this.#looking.claim(wanted);
    } catch (error) {
      this.#pause = seldom;
      this.#looking.complain(error);
      return 0;
    }
  }
}
