/** What this process has of each lane: a queue in memory that has no more of it under way than the lane allows. */
import PQueue from 'p-queue';
import type { Lane } from '../queue/lane-claims.ts';

/** Jobs of all lanes that one process has under way at once, each mostly waiting for its receiver. */
const mostUnderWay = 256;
/** Claimed ahead for each place in a lane. */
const ahead = 8;

export class LaneQueues {
  readonly #most: number;
  readonly #queues = new Map<number, PQueue>();

  /** `most`: jobs of one lane that may be here. */
  constructor(most: number) {
    this.#most = most;
  }

  /** How many more jobs of the lane are worth having here. */
  room({ id, max_in_flight, ordered }: Lane): number {
    const concurrency = ordered ? 1 : max_in_flight;
    const queue = this.#queues.get(id) ?? new PQueue({ concurrency });
    queue.concurrency = concurrency;
    this.#queues.set(id, queue);
    const most = Math.min(this.#most, concurrency * ahead);
    const here = queue.size + queue.pending;
    return here * 2 > most || this.#underWay() >= mostUnderWay ? 0 : most - here;
  }

  /** The queue of a lane that there was room in, until it is tidied away. */
  of(lane: number): PQueue {
    return this.#queues.get(lane)!;
  }

  all(): PQueue[] {
    return [...this.#queues.values()];
  }

  /** Forgets lanes of which nothing is here; not while more is being claimed for them. */
  tidy(): void {
    for (const [lane, { size, pending }] of this.#queues) if (size + pending === 0) this.#queues.delete(lane);
  }

  #underWay(): number {
    let sum = 0;
    for (const { pending } of this.#queues.values()) sum += pending;
    return sum;
  }
}
