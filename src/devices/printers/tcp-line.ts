/** A printer's raw port, 9100 as a rule. */
import { connect, type Socket } from 'node:net';
import type { Line } from './line.ts';
import { lookup } from './lookup.ts';
import { deviceError, deviceFault, type PrinterUrl } from './printer.ts';

const patience = 3_000;
/** A printer that does not end its side is left after so many ms. */
const farewell = 500;

/** Connected within three seconds, or DeviceError. */
export async function openTcp({ host, port, text }: PrinterUrl): Promise<Line> {
  const socket = connect({ host, port, lookup, keepAlive: true, keepAliveInitialDelay: 5_000, noDelay: true });
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => fail(new Error('no answer within 3 s')), patience);
    const fail = (error: Error) => {
      clearTimeout(timer);
      socket.destroy();
      reject(deviceError(error, text));
    };
    socket.once('error', fail);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', fail);
      resolve();
    });
  });
  return new TcpLine(socket, text);
}

class TcpLine implements Line {
  hear: (bytes: Buffer) => void = () => undefined;
  readonly breaks = true;
  fault: Error | undefined;
  readonly #socket: Socket;
  readonly #name: string;

  constructor(socket: Socket, name: string) {
    this.#socket = socket;
    this.#name = name;
    socket.on('data', (bytes) => this.hear(bytes));
    socket.on('error', (error) => {
      this.fault = error;
    });
    socket.on('close', () => {
      this.fault ??= new Error('the connection was closed');
    });
    // A printer that ends its side has gone; what it had is for its next connection to tell.
    socket.on('end', () => socket.destroy());
  }

  write(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const gone = () =>
        reject(deviceFault('offline', `${this.#name}: ${this.fault?.message ?? 'the connection was closed'}`));
      if (this.#socket.destroyed) return gone();
      this.#socket.once('close', gone);
      this.#socket.write(bytes, (error) => {
        this.#socket.off('close', gone);
        if (error) reject(deviceError(error, this.#name));
        else resolve();
      });
    });
  }

  /** What the system still has is delivered, unless the printer takes none. */
  close(): void {
    if (this.#socket.writableLength > 0) this.#socket.destroy();
    else this.#socket.end(() => setTimeout(() => this.#socket.destroy(), farewell).unref());
  }
}
