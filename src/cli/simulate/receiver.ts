/** A receiver of webhooks that checks what it gets, and can fail in every way a receiver does. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isSignature, signatureOf, standardSignatureOf } from '../../domain/webhooks/service.ts';

type Answering = (response: ServerResponse, count: number) => void;

const answer =
  (status: number, headers: Record<string, string> = {}, body = '') =>
  (response: ServerResponse) =>
    void response.writeHead(status, headers).end(body);

/** Where an attacker's redirect would lead: the metadata service of most clouds. */
const metadata = 'http://169.254.169.254/latest/meta-data/';
const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1_000);

/** What it does with the message number `count`, from 1. */
const ways = {
  ok: answer(200, { 'Content-Type': 'text/plain' }, 'ok'),
  hang: () => undefined,
  'hang-body': (response) => void response.writeHead(200, { 'Content-Length': '10' }).write('half'),
  drip: (response) => trickle(response, 'x', 200),
  huge: (response) => trickle(response, Buffer.alloc(256 * 1024, 'x'), 0),
  slow: (response) => void setTimeout(() => answer(200)(response), 2_000),
  reset: (response) => response.socket?.resetAndDestroy(),
  'reset-body': (response) => {
    response.writeHead(200, { 'Content-Length': '1000' }).write('half');
    setTimeout(() => response.socket?.resetAndDestroy(), 50);
  },
  redirect: answer(302, { Location: metadata }),
  '429': answer(429, { 'Retry-After': '7' }),
  '429-date': (response) => answer(429, { 'Retry-After': inSeconds(30).toUTCString() })(response),
  '400': answer(400, {}, 'No such thing'),
  '410': answer(410),
  '500': answer(500, {}, 'Broken'),
  '503': answer(503, { 'Retry-After': '20' }),
  abort: answer(400, { 'webhook-delivery': 'abort-message' }),
  'gzip-bomb': (response) => {
    response.writeHead(500, { 'Content-Encoding': 'gzip' });
    response.end(Buffer.alloc(20_000, 0x1f));
  },
  garbage: (response) => void response.socket?.end('SMTP ready\r\n\r\n'),
  flaky: (response, count) => answer(count % 2 === 1 ? 500 : 200)(response),
} satisfies Record<string, Answering>;

export type Mode = keyof typeof ways;
export const modes = Object.keys(ways) as Mode[];

export interface Received {
  at: string;
  event: string;
  delivery: string;
  attempt: number;
  id: string;
  /** Null when nothing was there to check, or no secret to check it with. */
  signature: boolean | null;
  standard_signature: boolean | null;
  headers: Record<string, string>;
  body: string;
}

/** How old a message may be, in s: older ones are replayed by someone else. */
const tolerance = 300;

export class Receiver {
  mode: Mode;
  readonly received: Received[] = [];
  readonly #secret: string | undefined;
  readonly #hear: (message: Received) => void;
  readonly #server: Server;

  /** `hear` is told of each message, before it is answered. */
  constructor({
    mode = 'ok',
    secret,
    hear = () => undefined,
  }: { mode?: Mode; secret?: string; hear?: (message: Received) => void }) {
    this.mode = mode;
    this.#secret = secret;
    this.#hear = hear;
    this.#server = createServer((request, response) => void this.#take(request, response));
  }

  /** Resolves to its URL. Port 0 picks one. */
  async start(port = 0, host = '127.0.0.1'): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    const { port: bound, family } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${host}]` : host}:${bound}/`;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    try {
      for await (const part of request) parts.push(part);
    } catch {
      return;
    }
    const message = this.#read(request, Buffer.concat(parts));
    this.received.push(message);
    this.#hear(message);
    ways[this.mode](response, this.received.length);
  }

  #read({ headers }: IncomingMessage, body: Buffer): Received {
    const header = (name: string) => String(headers[name] ?? '');
    return {
      at: new Date().toISOString(),
      event: header('x-assetra-event'),
      delivery: header('x-assetra-delivery-id'),
      attempt: Number(header('x-assetra-attempt')),
      id: header('webhook-id'),
      signature: this.#verify(header('x-assetra-timestamp'), header('x-assetra-signature'), (secret, at) =>
        signatureOf(secret, at, body),
      ),
      standard_signature: this.#verify(header('webhook-timestamp'), header('webhook-signature'), (secret, at) =>
        standardSignatureOf(secret, header('webhook-id'), at, body),
      ),
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
      body: body.toString(),
    };
  }

  /** One of the signatures, blanks between, is right, and it is not old. */
  #verify(at: string, sent: string, right: (secret: string, at: string) => string): boolean | null {
    if (this.#secret === undefined || sent === '') return null;
    const expected = right(this.#secret, at);
    const fresh = Math.abs(Date.now() / 1_000 - Number(at)) <= tolerance;
    return fresh && sent.split(' ').some((one) => isSignature(one, expected));
  }
}

/** Sends the same again and again until the other side has enough. `pause` in ms. */
function trickle(response: ServerResponse, part: string | Buffer, pause: number): void {
  response.writeHead(200, { 'Content-Type': 'text/plain' });
  const next = () => {
    if (response.destroyed || response.socket?.destroyed) return;
    if (response.write(part)) setTimeout(next, pause);
    else response.once('drain', () => setTimeout(next, pause));
  };
  next();
}
