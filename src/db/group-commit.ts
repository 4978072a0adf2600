/** Writes that wait together share one transaction, so that one fsync serves them all. Each is answered after the commit. */
import { AppError, Unavailable } from '../base/errors.ts';
import type { Db } from './database.ts';
import { retryable } from './errors.ts';
import type { Transaction } from './transaction.ts';

type Work<T> = (tx: Db) => Promise<T>;

interface Waiting {
  work: Work<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** How a transaction is had: with one try, and with as many as it takes. */
export interface Transactions {
  once<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
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

  /**
   * Without savepoints as long as nobody needs one: they cost each work two round trips. A work that fails after it has
   * changed something makes the group start anew, each of its works in a savepoint of its own.
   */
  async #write(group: Waiting[]): Promise<void> {
    if (group.length === 0) return;
    try {
      const answers = await this.#answers(group);
      for (const answer of answers) answer();
    } catch (error) {
      if (retryable(error) || (group.length > 1 && !concernsAll(error))) return this.#alone(group);
      // Whoever waits behind an absent database would only find out the same, as long after.
      const behind = concernsAll(error) ? this.#waiting.splice(0) : [];
      for (const { reject } of [...group, ...behind]) reject(error);
    }
  }

  async #answers(group: Waiting[]): Promise<Answer[]> {
    if (group.length === 1) return (await this.#together(group, bare))!;
    return (await this.#together(group, plainly)) ?? (await this.#together(group, inSavepoint))!;
  }

  /** What to tell each caller once it is committed; undefined when the group has to start anew. */
  async #together(group: Waiting[], attempt: Attempt): Promise<Answer[] | undefined> {
    try {
      return await this.#transactions.once(async (tx) => {
        const answers: Answer[] = [];
        for (const part of group) answers.push(await attempt(tx, part));
        return answers;
      });
    } catch (error) {
      if (error === startAnew) return undefined;
      throw error;
    }
  }

  /**
   * A group that met another transaction, or whose commit one of them spoils, is undone whole; each of its works gets tries of
   * its own, and no other group waits for them: one may wait long for a row that another holds.
   */
  #alone(group: Waiting[]): void {
    for (const { work, resolve, reject } of group) this.#transactions.transaction(work).then(resolve, reject);
  }
}

type Answer = () => void;
type Attempt = (tx: Transaction, part: Waiting) => Promise<Answer>;

const startAnew = new Error('a work of the group failed after it had changed something');

/** For one that has its transaction for itself. */
async function bare(tx: Transaction, { work, resolve }: Waiting): Promise<Answer> {
  const value = await work(tx);
  return () => resolve(value);
}

async function plainly(tx: Transaction, { work, resolve, reject }: Waiting): Promise<Answer> {
  const { changes } = tx;
  const forget = tx.remember();
  try {
    const value = await work(tx);
    return () => resolve(value);
  } catch (error) {
    if (concernsAll(error)) throw error;
    // After a refusal by the database itself, PostgreSQL takes no further statement.
    if (tx.changes !== changes || !isRefusal(error)) throw startAnew;
    forget();
    return () => reject(error);
  }
}

async function inSavepoint(tx: Transaction, { work, resolve, reject }: Waiting): Promise<Answer> {
  try {
    const value = await tx.savepoint(() => work(tx));
    return () => resolve(value);
  } catch (error) {
    if (concernsAll(error)) throw error;
    return () => reject(error);
  }
}

const isRefusal = (error: unknown): boolean => error instanceof AppError && error.status < 500;
const concernsAll = (error: unknown): boolean => error instanceof Unavailable || retryable(error);
