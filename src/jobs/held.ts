/** What one runner has claimed: what it must keep its leases of, and what is to be given back. */
import type { Database } from '../db/database.ts';
import type { Job } from '../queue/kind.ts';
import * as leases from '../queue/leases.ts';

export interface Held {
  job: Job;
  begun: boolean;
}

export class HeldJobs {
  readonly #database: Database;
  readonly #complain: (error: unknown) => void;
  readonly #held = new Map<number, Held>();
  /** Given up by this process, and still marked as its own in the database. */
  readonly #leftOver = new Set<Job>();

  /** `complain` is told why jobs could not be given back; their leases then run out by themselves. */
  constructor(database: Database, complain: (error: unknown) => void) {
    this.#database = database;
    this.#complain = complain;
  }

  add(job: Job): Held {
    const held = { job, begun: false };
    this.#held.set(job.id, held);
    return held;
  }

  /** Not any more when it was given back, or is here again under a newer claim. */
  has(held: Held): boolean {
    return this.#held.get(held.job.id) === held;
  }

  ids(): number[] {
    return [...this.#held.keys()];
  }

  end(held: Held): void {
    if (this.has(held)) this.#held.delete(held.job.id);
  }

  /** To be given back with the next that are. */
  leave(job: Job): void {
    this.#leftOver.add(job);
  }

  /** Gives back what has not begun, of one lane or of all. */
  async giveBack(lane?: number): Promise<void> {
    for (const [id, { job, begun }] of this.#held) {
      if (begun || (lane !== undefined && job.lane !== lane)) continue;
      this.#held.delete(id);
      this.#leftOver.add(job);
    }
    await this.releaseLeft();
  }

  async releaseLeft(): Promise<void> {
    const jobs = [...this.#leftOver];
    if (jobs.length === 0) return;
    try {
      await leases.release(this.#database, jobs);
      for (const job of jobs) this.#leftOver.delete(job);
    } catch (error) {
      this.#complain(error);
    }
  }
}
