/** What this process has of each lane: a queue in memory that has no more of it under way than the lane allows. */
import PQueue from 'p-queue';
import type { Lane } from '../queue/lane-claims.ts';

/** Jobs of all lanes that one process has under way at once, each mostly waiting for its receiver. */
const mostUnderWay = 256;
/** Jobs of a lane that are here for each that may be under way: some wait, and of some the end is being written down. */
const ahead = 16;
const mostHere = 256;

const mostOf = ({ concurrency }: PQueue): number => Math.min(mostHere, concurrency * ahead);

export class LaneQueues {
  readonly #queues = new Map<number, PQueue>();

  /** How many more jobs of the lane are worth having, of which so many are here. */
  room({ id, max_in_flight, ordered }: Lane, here: number): number {
    const concurrency = ordered ? 1 : max_in_flight;
    const queue = this.#queues.get(id) ?? new PQueue({ concurrency });
    queue.concurrency = concurrency;
    this.#queues.set(id, queue);
    return this.isLow(id, here) && this.#underWay() < mostUnderWay ? mostOf(queue) - here : 0;
  }

  /** Whether half of what may be here of the lane is gone, so that it is worth looking for more. */
  isLow(lane: number, here: number): boolean {
    const queue = this.#queues.get(lane);
    return !queue || here * 2 <= mostOf(queue);
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
