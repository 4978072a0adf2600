/** What a site needs done by the clock, whether anyone asks or not. */
import cron, { type ScheduledTask } from 'node-cron';
import type { Log } from '../base/log.ts';
import { metrics } from '../base/metrics.ts';
import type { Context } from '../db/context.ts';
import * as accounts from '../domain/accounts/service.ts';
import * as audit from '../domain/audit/service.ts';
import * as sync from '../domain/sync/service.ts';
import type { Check } from '../http/health.ts';
import { pruneChanges } from '../queue/retention.ts';

export class Housekeeping {
  readonly #ctx: Context;
  readonly #log: Log;
  readonly #witness: audit.Witness;
  readonly #changeDays: number;
  readonly #tasks: ScheduledTask[] = [];
  #faulty: audit.Verdict[] = [];
  /** Why the last signing failed. */
  #unsigned: string | undefined;
  #signing: Promise<void> = Promise.resolve();

  /** `changeDays`: how long the change log is kept. */
  constructor(ctx: Context, log: Log, witness: audit.Witness, changeDays: number) {
    this.#ctx = { ...ctx, log };
    this.#log = log;
    this.#witness = witness;
    this.#changeDays = changeDays;
  }

  start(): void {
    void this.checkpoint();
    this.#tasks.push(
      cron.schedule('0 * * * *', () => this.checkpoint()),
      cron.schedule('15 * * * *', () => this.#purge()),
    );
  }

  async stop(): Promise<void> {
    for (const task of this.#tasks.splice(0)) await task.destroy();
    await this.checkpoint();
  }

  /** What the last checkpoint found wrong with the history. */
  health(): Check {
    const [bad] = this.#faulty;
    if (!bad && this.#unsigned) return { status: 'degraded', component: 'history', error: this.#unsigned };
    if (!bad) return { status: 'healthy', component: 'history' };
    const error = `${bad.slug}: ${bad.first_bad!.message} Run \`assetra audit verify\`.`;
    return { status: 'degraded', component: 'history', error };
  }

  /** One after the other. Never rejects: a checkpoint that cannot be had now is had the next time. */
  checkpoint(): Promise<void> {
    this.#signing = this.#signing.then(() => this.#sign());
    return this.#signing;
  }

  async #sign(): Promise<void> {
    try {
      this.#faulty = await audit.checkpoint(this.#ctx, this.#witness);
      this.#unsigned = undefined;
      metrics.auditFaults.set(this.#faulty.length);
      for (const { slug, first_bad } of this.#faulty)
        this.#log.error(
          { tenant: slug, first_bad },
          'The history is not what was written. Run `assetra audit verify`.',
        );
    } catch (error) {
      this.#unsigned = `The history could not be signed: ${(error as Error).message}`;
      this.#log.warn({ err: error }, 'The history could not be signed; it is tried again within the hour.');
    }
  }

  async #purge(): Promise<void> {
    try {
      await accounts.purgeExpired(this.#ctx);
      const before = new Date(Date.now() - this.#changeDays * 86_400_000);
      await pruneChanges(this.#ctx.db, before);
      await sync.pruneEdits(this.#ctx.db, before);
    } catch (error) {
      this.#log.error({ err: error }, 'Expired tokens, keys and old changes could not be removed.');
    }
  }
}
