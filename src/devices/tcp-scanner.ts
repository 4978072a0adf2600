/** A scanner behind a serial server: `tcp://host:port`, raw bytes as ser2net and terminal servers send them. */
import { connect, type Socket } from 'node:net';
import { Framing } from './framing.ts';
import { type Line, type LineHooks, missing, Reconnecting } from './reconnecting.ts';
import type { OpenScanner, Reason } from './scanner.ts';

/** In ms. The system then asks every second, and gives a silent server up after ten. */
const keepAlive = 10_000;
const patience = 5_000;
/** Bytes that may wait to be sent. */
const most = 1_024;

export const openTcp: OpenScanner = (path, settings, events) => {
  const framing = new Framing(settings, events);
  return new Reconnecting(
    {
      name: path,
      open: (hooks) => connected(path, framing, hooks),
      reasonOf: (error) => reasonOf(error, path),
      reset: () => framing.reset(),
    },
    events,
  );
};

async function connected(path: string, framing: Framing, hooks: LineHooks): Promise<Line> {
  const { hostname, port } = new URL(path);
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) });
  await opening(socket);
  socket.setKeepAlive(true, keepAlive);
  socket.on('data', (bytes) => framing.push(bytes));
  socket.on('error', () => undefined);
  socket.on('close', () => hooks.lost(missing(`${path} closed the connection. It is tried again.`)));
  return {
    send: (bytes) => void (socket.writableLength < most && socket.write(bytes)),
    close: async () => {
      socket.removeAllListeners('data').destroy();
    },
  };
}

const opening = (socket: Socket): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(new Error('ETIMEDOUT')), patience);
    const settled = (error?: Error) => {
      clearTimeout(timer);
      if (!error) return resolve();
      socket.destroy();
      reject(error);
    };
    socket.once('connect', () => {
      socket.off('error', settled);
      settled();
    });
    socket.once('error', settled);
  });

function reasonOf(error: Error, path: string): Reason {
  const code = (error as NodeJS.ErrnoException).code ?? error.message;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return missing(`The name in ${path} is not known. Correct it, or use an address.`);
  if (code === 'ECONNREFUSED')
    return missing(`Nothing listens at ${path}. Start the serial server, or correct its port.`);
  return missing(`${path} does not answer (${code}). Is the serial server on, and the network?`);
}
