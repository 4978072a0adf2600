/** Writes that wait together share one transaction, so that one fsync serves them all. Each is answered after the commit. */
import { AppError } from '../base/errors.ts';
import type { Db } from './database.ts';
import { retryable } from './errors.ts';

type Work<T> = (tx: Db) => Promise<T>;

interface Waiting {
  work: Work<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** How a transaction is had: with one try, and with as many as it takes. */
export interface Transactions {
  once<T>(work: Work<T>): Promise<T>;
  transaction<T>(work: Work<T>): Promise<T>;
}

/** Beyond this, whoever came first would wait too long for the last. */
const mostParts = 64;

export class GroupCommit {
  readonly #transactions: Transactions;
  /** How many groups are under way at once. */
  readonly #groups: number;
  readonly #waiting: Waiting[] = [];
  #running = 0;

  constructor(transactions: Transactions, groups: number) {
    this.#transactions = transactions;
    this.#groups = groups;
  }

  run<T>(work: Work<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ work, resolve: resolve as Waiting['resolve'], reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#running === this.#groups || this.#waiting.length === 0) return;
    this.#running += 1;
    // What this turn of the event loop still brings comes along.
    setImmediate(() => {
      const group = this.#waiting.splice(0, mostParts);
      this.#write(group).finally(() => {
        this.#running -= 1;
        this.#next();
      });
      this.#next();
    });
  }

  async #write(group: Waiting[]): Promise<void> {
    if (group.length < 2) return this.#alone(group);
    try {
      const answers = await this.#transactions.once(async (tx) => {
        const settled: (() => void)[] = [];
        for (const part of group) settled.push(await attempt(tx, part));
        return settled;
      });
      for (const answer of answers) answer();
    } catch (error) {
      if (retryable(error)) return this.#alone(group);
      for (const { reject } of group) reject(error);
    }
  }

  /** A group that met another transaction is undone whole, and each of its works gets its own tries. */
  async #alone(group: Waiting[]): Promise<void> {
    await Promise.all(
      group.map(({ work, resolve, reject }) => this.#transactions.transaction(work).then(resolve, reject)),
    );
  }
}

/** Undoes a work that fails, alone, unless what made it fail concerns them all. Answers what to tell its caller. */
async function attempt(tx: Db, { work, resolve, reject }: Waiting): Promise<() => void> {
  try {
    const value = await tx.savepoint(() => work(tx));
    return () => resolve(value);
  } catch (error) {
    if (error instanceof AppError && error.status === 503) throw error;
    return () => reject(error);
  }
}
