/** Questions about one thing each that are asked together: those of one turn of the event loop, and those that come while an answer is awaited. */
export class Gather<K, T> {
  readonly #ask: (keys: K[]) => Promise<Map<K, T>>;
  readonly #most: number;
  #waiting: { key: K; resolve: (answer: T | undefined) => void; reject: (error: unknown) => void }[] = [];
  #asking = false;

  /** `ask` is called with at most `most` keys, which may repeat, and not again before it has answered: so no answer is older than its question. */
  constructor(ask: (keys: K[]) => Promise<Map<K, T>>, most: number) {
    this.#ask = ask;
    this.#most = most;
  }

  /** What is known of the key; undefined when there is nothing. */
  get(key: K): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#asking || this.#waiting.length === 0) return;
    this.#asking = true;
    // What this turn of the event loop still brings comes along.
    setImmediate(() => void this.#askTogether());
  }

  async #askTogether(): Promise<void> {
    const asked = this.#waiting.splice(0, this.#most);
    try {
      const answers = await this.#ask(asked.map(({ key }) => key));
      for (const { key, resolve } of asked) resolve(answers.get(key));
    } catch (error) {
      for (const { reject } of asked) reject(error);
    } finally {
      this.#asking = false;
      this.#next();
    }
  }
}

/** The same for each database, or transaction on one, that is asked; none is kept alive by it. */
export function gathered<O extends object, K, T>(
  ask: (of: O, keys: K[]) => Promise<Map<K, T>>,
  most: number,
): (of: O, key: K) => Promise<T | undefined> {
  const gathers = new WeakMap<O, Gather<K, T>>();
  return (of, key) => {
    const gather = gathers.get(of) ?? new Gather((keys: K[]) => ask(of, keys), most);
    gathers.set(of, gather);
    return gather.get(key);
  };
}
