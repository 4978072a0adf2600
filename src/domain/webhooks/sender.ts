/**
 * One POST to a receiver: to allowed addresses alone, without following anything, within its time, reading no more of the
 * answer than is kept. Connections stay open between deliveries; one Agent for the process.
 */
import { lookup as systemLookup } from 'node:dns';
import { setMaxListeners } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP, type LookupFunction } from 'node:net';
import type { Agent, buildConnector, Dispatcher } from 'undici';
import type { AddressPolicy } from '../../base/address-policy.ts';
import { BlockedAddress, type Fault, faultOf, Late } from './faults.ts';

export interface Message {
  url: string;
  headers: Record<string, string>;
  body: Buffer;
}

export interface Answer {
  /** 0 when there was none. */
  status: number;
  /** Its first characters, as text. */
  body: string;
  /** Headers, empty when not sent. */
  retryAfter: string;
  location: string;
  /** `webhook-delivery: abort-message`. */
  aborts: boolean;
  /** The address that was last connected to for this origin; null when none was. */
  ip: string | null;
  ms: number;
  fault?: Fault;
}

export interface SenderOptions {
  policy: AddressPolicy;
  /** For the whole answer. */
  timeoutSeconds: number;
  /** How names become addresses; the system's way unless said. */
  lookup?: typeof systemLookup;
}

/** In ms. */
const connectTimeout = 5_000;
/** Bytes of an answer that are read; the rest is not waited for. */
const mostRead = 64 * 1024;
/** Characters of an answer that are kept. */
const mostKept = 5_000;

export class Sender {
  readonly #options: SenderOptions;
  #agent: Promise<Agent> | undefined;
  readonly #addresses = new Map<string, string>();

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Never rejects, save when `signal` ends it: what went wrong is the answer's fault. */
  async send(message: Message, signal?: AbortSignal): Promise<Answer> {
    // Loaded before the clock starts: a slow disk is not the receiver's fault.
    const agent = await this.#opened();
    signal?.throwIfAborted();
    const url = new URL(message.url);
    const started = performance.now();
    const { error, ...seen } = await exchange(agent, url, message, this.#options.timeoutSeconds, signal);
    const ip = this.#addresses.get(url.origin) ?? null;
    const answer = { ...seen, ip, ms: Math.round(performance.now() - started) };
    if (error === undefined) return answer;
    signal?.throwIfAborted();
    return { ...answer, ip: addressIn(error) ?? ip, fault: faultOf(error) };
  }

  async close(): Promise<void> {
    const agent = await this.#agent;
    this.#agent = undefined;
    await agent?.destroy();
  }

  #opened(): Promise<Agent> {
    this.#agent ??= this.#open();
    return this.#agent;
  }

  async #open(): Promise<Agent> {
    const { Agent, buildConnector } = await import('undici');
    const lookup = this.#lookup.bind(this) as LookupFunction;
    const open = buildConnector({ allowH2: false, timeout: connectTimeout, lookup, port: 0 });
    const connect: buildConnector.connector = (options, done) => {
      // A literal address is never looked up.
      const host = options.hostname.replace(/^\[|\]$/g, '');
      if (isIP(host) && !this.#options.policy.allows(host, host))
        return void queueMicrotask(() => done(new BlockedAddress(host, this.#options.policy), null));
      open(options, (...outcome) => {
        const address = outcome[1]?.remoteAddress;
        if (address) this.#addresses.set(originOf(options), address);
        done(...outcome);
      });
    };
    // Its own timers are off: one clock runs for the whole of it.
    return new Agent({ connect, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
  }

  /** The addresses that may be connected to: what was checked is what is used, whatever the name says a moment later. */
  #lookup(host: string, options: { all?: boolean }, done: (error: Error | null, ...found: unknown[]) => void): void {
    const lookup = this.#options.lookup ?? systemLookup;
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error) return done(error);
      const allowed = found.filter(({ address }) => this.#options.policy.allows(host, address));
      const [first] = allowed;
      if (!first) return done(new BlockedAddress(found[0]?.address ?? host, this.#options.policy));
      return options.all ? done(null, allowed) : done(null, first.address, first.family);
    });
  }
}

type Seen = Pick<Answer, 'status' | 'body' | 'retryAfter' | 'location' | 'aborts'>;

/**
 * What was seen of the answer, with what kept the rest of it from coming. Over undici's `dispatch`: the streams and signals
 * of its `request` cost more than all the rest of a delivery.
 */
function exchange(agent: Agent, url: URL, message: Message, seconds: number, signal?: AbortSignal) {
  return new Promise<Seen & { error?: unknown }>((resolve) => {
    let seen: Seen = nothing;
    let beginning: Beginning | undefined;
    let controller: Dispatcher.DispatchController | undefined;
    let over = false;
    const end = (error?: unknown) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', halt);
      resolve(error === undefined ? { ...seen, body: beginning?.text() ?? '' } : { ...seen, error });
    };
    const breakOff = (error: Error) => {
      end(error);
      controller?.abort(error);
    };
    const halt = () => breakOff(signal!.reason);
    const timer = setTimeout(() => breakOff(new Late(seconds)), seconds * 1_000);
    // One signal ends all that is under way, and warns of a leak at the eleventh.
    if (signal) setMaxListeners(0, signal);
    signal?.addEventListener('abort', halt, { once: true });
    const { headers, body } = message;
    const request = { origin: url.origin, path: url.pathname + url.search, method: 'POST', headers, body } as const;
    agent.dispatch(request, {
      onRequestStart: (given) => {
        controller = given;
        // Its time was over before there was a connection.
        if (over) given.abort(new Late(seconds));
      },
      onResponseStart: (_, status, headers) => {
        // An answer may be announced (1xx) before it comes.
        if (status < 200) return;
        seen = headOf(status, headers);
        beginning = new Beginning(String(headers['content-encoding'] ?? 'identity'));
      },
      onResponseData: (given, part) => {
        if (!beginning?.add(part)) return;
        end();
        given.abort(new Error('enough was read'));
      },
      onResponseEnd: () => end(),
      onResponseError: (_, error) => end(error),
    });
  });
}

const originOf = ({ protocol, hostname, port }: buildConnector.Options): string =>
  new URL(`${protocol}//${hostname}${port ? `:${port}` : ''}`).origin;

const nothing: Seen = { status: 0, body: '', retryAfter: '', location: '', aborts: false };

function headOf(status: number, headers: IncomingHttpHeaders): Seen {
  const header = (name: string): string => String(headers[name] ?? '');
  return {
    status,
    body: '',
    retryAfter: header('retry-after'),
    location: header('location'),
    aborts: header('webhook-delivery').trim().toLowerCase() === 'abort-message',
  };
}

/** As much of an answer as is read. */
class Beginning {
  readonly #encoding: string;
  readonly #parts: Buffer[] = [];
  #size = 0;

  constructor(encoding: string) {
    this.#encoding = encoding;
  }

  /** Whether that is enough. */
  add(part: Buffer): boolean {
    this.#parts.push(part);
    this.#size += part.length;
    return this.#size >= mostRead;
  }

  /** What is compressed is not unpacked: its size says nothing about what comes out. */
  text(): string {
    if (this.#encoding !== 'identity') return `[${this.#encoding.slice(0, 40)}, ${this.#size} bytes read]`;
    const text = Buffer.concat(this.#parts).subarray(0, mostRead).toString('utf8');
    // PostgreSQL stores no NUL; a cut may leave half a character.
    return text.replaceAll('\0', '\ufffd').slice(0, mostKept).toWellFormed();
  }
}

/** Where it failed to connect to. */
function addressIn(error: unknown): string | undefined {
  const { address, errors } = error as { address?: string; errors?: { address?: string }[] };
  return address ?? errors?.find((inner) => inner.address)?.address;
}
