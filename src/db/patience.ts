/**
 * A line that swallows what is sent (a firewall that forgot the connection, a host that lost its power) answers nothing and
 * ends nothing: TCP itself notices after a quarter of an hour, and until then each caller would hang with its connection.
 */
import type { Socket } from 'node:net';

/** Longest wait for a row that another transaction holds, in ms: a work that waits longer must not keep its neighbours. */
export const lockPatience = 2_000;

/** In s. With the wait for a connection, a request is answered within 15 s or so. */
export const usualPatience = 10;

/** Gives the connection up when the statement has no answer in time: the driver fails the statement, and the pool forgets it. */
export async function answered<T>(socket: Socket, statement: Promise<T>, patience: number): Promise<T> {
  const timer = setTimeout(() => socket.destroy(unanswered(patience)), patience * 1_000);
  try {
    return await statement;
  } finally {
    clearTimeout(timer);
  }
}

const unanswered = (patience: number) =>
  Object.assign(new Error(`The database did not answer within ${patience} seconds.`), { code: 'ETIMEDOUT' });
