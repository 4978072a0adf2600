/** The end of what is under way when a runner stops. */
import type PQueue from 'p-queue';

/** How long it is waited for, and then how long for what was told to break off, in ms. */
const farewell = 10_000;
const patience = 5_000;

/** Whether all of the work came to its end. `abort` is called when that takes too long. */
export async function sayFarewell(
  queues: readonly PQueue[],
  working: Iterable<Promise<void>>,
  abort: () => void,
): Promise<boolean> {
  // What has not begun sees that it is too late to, and whoever waits for it is told.
  for (const queue of queues) queue.concurrency = Number.POSITIVE_INFINITY;
  const aborting = setTimeout(abort, farewell);
  let givingUp: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    givingUp = setTimeout(() => resolve(false), farewell + patience);
  });
  const ended = await Promise.race([Promise.all(working).then(() => true), late]);
  clearTimeout(aborting);
  clearTimeout(givingUp);
  return ended;
}
