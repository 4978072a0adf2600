/**
 * One POST to a receiver: to allowed addresses alone, without following anything, within its time, reading no more of the
 * answer than is kept. Connections stay open between deliveries; one Agent for the process.
 */
import { lookup as systemLookup } from 'node:dns';
import { setMaxListeners } from 'node:events';
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
    const started = performance.now();
    const { origin } = new URL(message.url);
    const stop = new AbortController();
    const halt = () => stop.abort(signal?.reason);
    const { timeoutSeconds } = this.#options;
    const timer = setTimeout(() => stop.abort(new Late(timeoutSeconds)), timeoutSeconds * 1_000);
    // One signal ends all that is under way, and warns of a leak at the eleventh.
    if (signal) setMaxListeners(0, signal);
    signal?.addEventListener('abort', halt, { once: true });
    let seen = { ...nothing };
    try {
      signal?.throwIfAborted();
      const response = await post(agent, message, stop.signal);
      seen = headOf(response);
      seen.body = await beginningOf(response);
    } catch (error) {
      if (signal?.aborted) throw error;
      return {
        ...seen,
        ip: addressIn(error) ?? this.#addresses.get(origin) ?? null,
        ms: since(started),
        fault: faultOf(error),
      };
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', halt);
    }
    return { ...seen, ip: this.#addresses.get(origin) ?? null, ms: since(started) };
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

function post(agent: Agent, { url, headers, body }: Message, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
  const { origin, pathname, search } = new URL(url);
  return agent.request({ origin, path: pathname + search, method: 'POST', headers, body, signal });
}

const originOf = ({ protocol, hostname, port }: buildConnector.Options): string =>
  new URL(`${protocol}//${hostname}${port ? `:${port}` : ''}`).origin;

const nothing = { status: 0, body: '', retryAfter: '', location: '', aborts: false };

const since = (started: number): number => Math.round(performance.now() - started);

function headOf({ statusCode, headers }: Dispatcher.ResponseData): typeof nothing {
  const header = (name: string): string => String(headers[name] ?? '');
  return {
    status: statusCode,
    body: '',
    retryAfter: header('retry-after'),
    location: header('location'),
    aborts: header('webhook-delivery').trim().toLowerCase() === 'abort-message',
  };
}

/** What is compressed is not unpacked: its size says nothing about what comes out. */
async function beginningOf({ body, headers }: Dispatcher.ResponseData): Promise<string> {
  const encoding = String(headers['content-encoding'] ?? 'identity');
  const parts: Buffer[] = [];
  let size = 0;
  // Leaving the loop early destroys the stream, and the socket with it.
  for await (const part of body) {
    parts.push(part);
    size += part.length;
    if (size >= mostRead) break;
  }
  if (encoding !== 'identity') return `[${encoding.slice(0, 40)}, ${size} bytes read]`;
  const text = Buffer.concat(parts).subarray(0, mostRead).toString('utf8');
  // PostgreSQL stores no NUL; a cut may leave half a character.
  return text.replaceAll('\0', '\ufffd').slice(0, mostKept).toWellFormed();
}

/** Where it failed to connect to. */
function addressIn(error: unknown): string | undefined {
  const { address, errors } = error as { address?: string; errors?: { address?: string }[] };
  return address ?? errors?.find((inner) => inner.address)?.address;
}
