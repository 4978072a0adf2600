/** Clients that scan all the time on kept connections, and the ledger of what each was told. */
import { randomUUID } from 'node:crypto';
import { Pool } from 'undici';

export interface Refusal {
  client_event_id: string;
  status: number;
  retryAfter: string | undefined;
  type: string;
  body: string;
  /** From sending to the last byte of the answer. */
  ms: number;
}

/** The connection ended, or the patience, before an answer: the scan may or may not have been taken. */
export interface CutOff {
  client_event_id: string;
  error: string;
  ms: number;
}

export interface WriterOptions {
  count?: number;
  /** Codes that are scanned, in turn. */
  codes?: string[];
}

/** Longer than the daemon may ever take, so that a hang is seen as one. In ms. */
const patience = 40_000;
/** After a refusal; a client that did not wait would fill the daemon's log. In ms. */
const pause = 50;

export class Writers {
  readonly #pool: Pool;
  readonly #count: number;
  readonly #codes: string[];
  /** Every scan that was sent, by its client_event_id. */
  readonly sent = new Map<string, { client_event_id: string; raw_value: string }>();
  /** client_event_id -> the id that a 2xx told. */
  readonly answered = new Map<string, number>();
  readonly refused: Refusal[] = [];
  readonly cutOff: CutOff[] = [];
  /** The slowest answer of any kind since `clear()`, in ms. */
  slowest = 0;
  /** What requests carry; replace it after a new log-in. */
  headers: Record<string, string>;
  #running: Promise<unknown> | undefined;
  #stopped = true;

  constructor(address: string, headers: Record<string, string>, { count = 64, codes = ['A-1'] }: WriterOptions = {}) {
    const patient = { headersTimeout: patience, bodyTimeout: patience };
    this.#pool = new Pool(address, { connections: count, pipelining: 1, ...patient });
    this.#count = count;
    this.#codes = codes;
    this.headers = headers;
  }

  start(): void {
    this.#stopped = false;
    this.#running = Promise.all(Array.from({ length: this.#count }, () => this.#write()));
  }

  /** Waits for the last answers. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Sends again whatever no 2xx has answered, as a client does that was told to try again. */
  async settle(): Promise<void> {
    const open = [...this.sent.values()].filter(({ client_event_id }) => !this.answered.has(client_event_id));
    const send = async () => {
      for (let scan = open.pop(); scan; scan = open.pop()) await this.#send(scan);
    };
    await Promise.all(Array.from({ length: this.#count }, send));
  }

  /** Forgets refusals and cut-offs, not what was answered. */
  clear(): void {
    this.refused.length = this.cutOff.length = this.slowest = 0;
  }

  close(): Promise<void> {
    this.#stopped = true;
    return this.#pool.destroy();
  }

  async #write(): Promise<void> {
    while (!this.#stopped) {
      const raw_value = this.#codes[this.sent.size % this.#codes.length]!;
      const taken = await this.#send({ client_event_id: randomUUID(), raw_value });
      if (!taken) await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /** Whether a 2xx answered. */
  async #send(scan: { client_event_id: string; raw_value: string }): Promise<boolean> {
    const { client_event_id } = scan;
    this.sent.set(client_event_id, scan);
    const started = performance.now();
    const call = { method: 'POST', path: '/api/v1/scan-events/', headers: this.headers, body: JSON.stringify(scan) };
    const result = await this.#pool.request(call as never).then(
      async ({ statusCode, headers, body }) => ({ status: statusCode, headers, body: await body.text() }),
      (error: Error) => ({ status: 0, headers: {}, body: `${error.name}: ${error.message}` }),
    );
    const ms = performance.now() - started;
    this.slowest = Math.max(this.slowest, ms);
    return this.#note(client_event_id, result, ms);
  }

  #note(
    client_event_id: string,
    { status, headers, body }: { status: number; headers: Record<string, unknown>; body: string },
    ms: number,
  ): boolean {
    const taken = status >= 200 && status < 300;
    const type = String(headers['content-type'] ?? '');
    const retryAfter = headers['retry-after'] as string | undefined;
    if (taken) this.answered.set(client_event_id, JSON.parse(body).id);
    else if (status === 0) this.cutOff.push({ client_event_id, error: body, ms });
    else this.refused.push({ client_event_id, status, retryAfter, type, body, ms });
    return taken;
  }
}
