/** Jobs that a dispatcher names one by one; those of one turn of the event loop are claimed together. */
export class Offers {
  readonly #claim: (ids: readonly number[]) => Promise<Map<number, Promise<void>>>;
  #waiting: { id: number; done: () => void }[] = [];

  /** `claim` answers when each of those that it got will have been worked on. */
  constructor(claim: (ids: readonly number[]) => Promise<Map<number, Promise<void>>>) {
    this.#claim = claim;
  }

  /** Resolves when the job was worked on, or is not there to be claimed. */
  add(id: number): Promise<void> {
    return new Promise((done) => {
      this.#waiting.push({ id, done });
      if (this.#waiting.length === 1) setImmediate(() => void this.#claimAll());
    });
  }

  async #claimAll(): Promise<void> {
    const offers = this.#waiting.splice(0);
    const taken = await this.#claim(offers.map(({ id }) => id));
    for (const { id, done } of offers) void (taken.get(id) ?? Promise.resolve()).then(done);
  }
}
