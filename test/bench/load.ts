/** Sixteen callers on kept connections, each with one request under way at a time. */
import { Pool } from 'undici';
import type { Call, Work } from './works.ts';

export const connections = 16;

export interface Slice {
  answers: number;
  /** Answers/s. */
  rate: number;
  /** Latency, ms. */
  p50: number;
  p99: number;
}

let numbered = 0;

/** No two requests of a run share their number, whoever sends them. */
export const nextNumber = (): number => numbered++;

export class Caller {
  readonly #pool: Pool;
  readonly #headers: Record<string, string>;
  readonly #assets: number;
  /** Answers since the start, over all slices. */
  answers = 0;

  constructor(address: string, headers: Record<string, string>, assets: number) {
    this.#pool = new Pool(address, { connections, pipelining: 1 });
    this.#headers = headers;
    this.#assets = assets;
  }

  /** The answer to the n-th request as text; throws unless its status is the one that counts. */
  async once(work: Work, n: number): Promise<string> {
    const answer = await this.#answerTo(work, n);
    this.answers += 1;
    return answer.toString();
  }

  /** Keeps all connections busy for that long, then waits for the last answers. */
  async load(work: Work, seconds: number, signal: AbortSignal): Promise<Slice> {
    const latencies: number[] = [];
    const started = performance.now();
    const until = started + seconds * 1000;
    const call = async () => {
      for (let sent = performance.now(); sent < until; sent = performance.now()) {
        signal.throwIfAborted();
        await this.#answerTo(work, nextNumber());
        latencies.push(performance.now() - sent);
      }
    };
    await Promise.all(Array.from({ length: connections }, call));
    const elapsed = (performance.now() - started) / 1000;
    this.answers += latencies.length;
    latencies.sort((a, b) => a - b);
    const quantile = (share: number) => latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
    return { answers: latencies.length, rate: latencies.length / elapsed, p50: quantile(0.5), p99: quantile(0.99) };
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  async #answerTo(work: Work, n: number): Promise<Buffer> {
    const { status, body } = await this.#send(work.call(n, this.#assets));
    if (status !== work.status) throw new Error(`${work.title}: ${status} ${body}`);
    return body;
  }

  /** By `dispatch`, since `request` costs the client as much as a bare server's answer. */
  #send({ method, path, body }: Call): Promise<{ status: number; body: Buffer }> {
    const headers = body ? { ...this.#headers, 'content-type': 'application/json' } : this.#headers;
    const options = { method, path, headers, body: body ? JSON.stringify(body) : null };
    return new Promise((resolve, reject) => {
      const parts: Buffer[] = [];
      let status = 0;
      this.#pool.dispatch(options, {
        onRequestStart() {},
        onResponseStart(_controller, statusCode) {
          status = statusCode;
        },
        onResponseData(_controller, part) {
          parts.push(part);
        },
        onResponseEnd() {
          resolve({ status, body: Buffer.concat(parts) });
        },
        onResponseError(_controller, error) {
          reject(error);
        },
      });
    });
  }
}
