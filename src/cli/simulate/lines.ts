/** The lines that a simulated scanner types on. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { ConfigError, DeviceError } from '../../base/errors.ts';

export interface TypedLine {
  /** What a device is set up with. */
  address: string;
  /** Someone reads. */
  opened: Promise<void>;
  /** The line is gone. */
  closed: Promise<void>;
  /** Resolves once the line has room for more. */
  write(text: string): Promise<void>;
  /** Stays for so long, in ms, for what was written to be read. */
  close(linger: number): Promise<void>;
}

/** serialport throws away what came before it has set the line up. In ms. */
const settle = 300;

/** Ends when the reader lets go, as the pty does with it. DeviceError without socat. */
export async function openPty(path: string): Promise<TypedLine> {
  const socat = spawn('socat', ['-u', '-d', '-d', '-', `pty,raw,echo=0,link=${path},wait-slave`], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const closed = new Promise<void>((resolve) => socat.once('close', () => resolve()));
  const failed = new Promise<never>((_, reject) =>
    socat.once('error', (error) =>
      reject(
        new DeviceError('DEVICE_FAILED', 'socat makes the pty and is missing. Run `apt install socat`.', {
          cause: error,
        }),
      ),
    ),
  );
  failed.catch(() => undefined);
  socat.stdin.on('error', () => undefined);
  // socat says so when the first bytes may flow.
  const opened = heard(socat.stderr, /starting data transfer/).then(() => pause(settle));
  let isGone = false;
  closed.then(() => {
    isGone = true;
  });
  const appears = async () => {
    while (!existsSync(path) && !isGone) await pause(10);
  };
  await Promise.race([failed, appears()]);
  if (isGone) refuse(path);
  return {
    address: path,
    opened,
    closed,
    write: async (text) => {
      if (!socat.stdin.write(text)) await Promise.race([once(socat.stdin, 'drain'), closed]);
    },
    close: async (linger) => {
      // With the pty goes what nobody has read of it.
      await Promise.race([pause(linger), closed]);
      socat.stdin.end();
      const timer = setTimeout(() => socat.kill(), 5_000);
      await closed;
      clearTimeout(timer);
    },
  };
}

function refuse(path: string): never {
  throw new ConfigError(`A pty cannot be made at ${path}. Is its folder there, and no other line of this name?`);
}

/** Resolves when the stream has said it; never when it ends without. */
function heard(stream: NodeJS.ReadableStream, what: RegExp): Promise<void> {
  return new Promise((resolve) => {
    let text = '';
    stream.on('data', (part: Buffer) => {
      if (!what.test(text)) text += part;
      if (what.test(text)) resolve();
    });
  });
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Types for one connection after the other; a lost one does not end the scanner. */
export async function openPort(listen: string): Promise<TypedLine> {
  const [, host = '127.0.0.1', port] = /^(?:(.+):)?(\d{1,5})$/.exec(listen) ?? [];
  if (port === undefined) throw new ConfigError('--listen takes [HOST:]PORT.');
  let client: Socket | undefined;
  let arrived: (() => void) | undefined;
  const server = createServer((socket) => {
    client?.destroy();
    client = socket
      .on('error', () => undefined)
      .on('close', () => {
        if (client === socket) client = undefined;
      });
    socket.resume();
    arrived?.();
  });
  const connected = (): Promise<void> =>
    client
      ? Promise.resolve()
      : new Promise((resolve) => {
          arrived = resolve;
        });
  server.listen(Number(port), host.replace(/^\[|\]$/g, ''));
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(`${listen} cannot be listened on (${error.code}). Choose another.`);
  });
  const { port: chosen } = server.address() as { port: number };
  return {
    address: `tcp://${host}:${chosen}`,
    opened: connected(),
    closed: new Promise(() => undefined),
    write: async (text) => {
      await connected();
      const socket = client!;
      if (!socket.write(text)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
    },
    close: async (linger) => {
      server.close();
      await pause(client ? linger : 0);
      client?.end();
      await pause(50);
      client?.destroy();
    },
  };
}
