/** The listening socket: starts, tells its address, and ends only after what it has begun to answer. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type Koa from 'koa';
import { AppError } from '../base/errors.ts';

/** How long open requests may take to finish at a stop, in ms. */
const grace = 10_000;

export class HttpServer {
  readonly #server: Server;
  readonly #host: string;
  readonly #port: number;

  constructor(app: Koa, host: string, port: number) {
    this.#server = createServer(app.callback());
    this.#server.keepAliveTimeout = 65_000;
    this.#host = host;
    this.#port = port;
  }

  /** Resolves to the address, such as `http://127.0.0.1:8000`. Port 0 picks a free one. */
  start(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => reject(this.#explain(error)));
      this.#server.listen(this.#port, this.#host, () => resolve(this.address));
    });
  }

  get address(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    // A kept connection is idle again after each answer, so it is asked for more than once.
    const idle = setInterval(() => this.#server.closeIdleConnections(), 50);
    const timer = setTimeout(() => this.#server.closeAllConnections(), grace);
    await closed;
    clearInterval(idle);
    clearTimeout(timer);
  }

  #explain(error: NodeJS.ErrnoException): Error {
    const where = `${this.#host}:${this.#port}`;
    const sentences: Record<string, string> = {
      EADDRINUSE: `Another program listens on ${where}. Stop it, or choose another port with --port.`,
      EACCES: `This user may not listen on ${where}. Choose a port above 1023 with --port.`,
      EADDRNOTAVAIL: `This machine has no address ${this.#host}. Choose another with --host.`,
      ENOTFOUND: `The host name ${this.#host} is unknown. Choose another with --host.`,
    };
    const sentence = sentences[error.code ?? ''];
    return sentence ? new AppError('listen', 500, sentence, { cause: error }) : error;
  }
}
