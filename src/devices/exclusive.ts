/** What one process of this machine may have at a time, where the system itself lets several have it. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import type { Line } from './reconnecting.ts';
import { LineError } from './scanner.ts';

/**
 * Holds the name until it is released, by a socket without a file, which goes with its process however that ends. Undefined when
 * another has it. Linux has such sockets; elsewhere nothing is held.
 */
export function hold(name: string): Promise<{ release(): void } | undefined> {
  if (process.platform !== 'linux') return Promise.resolve({ release: () => undefined });
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 32);
  // Nobody has business here: one that came in would keep the process from ending.
  const socket = createServer((peer) => peer.destroy()).unref();
  return new Promise((resolve, reject) => {
    socket.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    socket.listen({ path: `\0assetra-${digest}` }, () => resolve({ release: () => void socket.close() }));
  });
}

/** Opens a line that others could read along with, for one of us alone. Throws DEVICE_BUSY. */
export async function openAlone(name: string, open: () => Promise<Line>): Promise<Line> {
  const held = await hold(`scanner ${name}`);
  if (!held)
    throw new LineError(
      'DEVICE_BUSY',
      `Another daemon or device host on this machine reads ${name}. Stop one of them.`,
    );
  try {
    const line = await open();
    const close = async () => {
      const closing = line.close();
      held.release();
      await closing;
    };
    return { ...line, close };
  } catch (error) {
    held.release();
    throw error;
  }
}
