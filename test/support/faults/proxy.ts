/** A TCP proxy on loopback before a database: what a network does to connections. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

type Mode = 'pass' | 'slow' | 'cut' | 'blackhole';

interface Pair {
  client: Socket;
  upstream: Socket | undefined;
  /** Bytes were swallowed: nothing sensible can follow. */
  lossy: boolean;
}

export class DatabaseProxy {
  readonly #target: { host: string; port: number };
  readonly #pairs = new Set<Pair>();
  #server: Server | undefined;
  #mode: Mode = 'pass';
  #latency = 0;
  port = 0;

  constructor(target: { host: string; port: number }) {
    this.#target = target;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  async start(): Promise<this> {
    await this.#listen();
    return this;
  }

  /** What went into a black hole is lost, so those connections end. */
  async pass(): Promise<void> {
    this.#mode = 'pass';
    this.#latency = 0;
    for (const pair of this.#pairs) if (pair.lossy) this.#end(pair);
    if (!this.#server) await this.#listen();
  }

  /** Each chunk arrives that many ms later, either way. */
  slow(ms: number): void {
    this.#mode = 'slow';
    this.#latency = ms;
  }

  /** Ends every connection and refuses new ones. */
  async cut(): Promise<void> {
    this.#mode = 'cut';
    const server = this.#server;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
    for (const pair of this.#pairs) this.#end(pair);
    await closed;
  }

  /** Accepts, and swallows whatever is sent on old and new connections: half-open, as behind a firewall that forgot them. */
  blackhole(): void {
    this.#mode = 'blackhole';
  }

  stop(): Promise<void> {
    return this.cut();
  }

  async #listen(): Promise<void> {
    const server = createServer((client) => this.#accept(client));
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  #accept(client: Socket): void {
    const hole = this.#mode === 'blackhole';
    const pair: Pair = { client, upstream: hole ? undefined : connect(this.#target), lossy: hole };
    this.#pairs.add(pair);
    client.on('error', () => undefined);
    if (!pair.upstream) return void client.resume();
    pair.upstream.on('error', () => undefined);
    this.#carry(pair, client, pair.upstream);
    this.#carry(pair, pair.upstream, client);
  }

  /** In order, whatever the latency was when each chunk came. */
  #carry(pair: Pair, from: Socket, to: Socket): void {
    let last: Promise<unknown> = Promise.resolve();
    from.setNoDelay(true);
    from.on('data', (chunk) => {
      const late = this.#latency > 0 ? new Promise((resolve) => setTimeout(resolve, this.#latency)) : undefined;
      last = Promise.all([last, late]).then(() => {
        if (this.#mode === 'blackhole') pair.lossy = true;
        else if (to.writable) to.write(chunk);
      });
    });
    // A hole swallows the end too: the other side keeps a connection that is nobody's.
    from.on('close', () =>
      last.then(() => {
        if (this.#mode === 'blackhole') pair.lossy = true;
        else to.end(() => this.#end(pair));
      }),
    );
  }

  #end(pair: Pair): void {
    this.#pairs.delete(pair);
    pair.client.destroy();
    pair.upstream?.destroy();
  }
}
