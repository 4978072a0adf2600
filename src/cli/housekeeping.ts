/** What the clock does to files of this machine, so that each daemon does it and it is no job: it signs the history, and removes old exports. */
import cron, { type ScheduledTask } from 'node-cron';
import type { Log } from '../base/log.ts';
import { metrics } from '../base/metrics.ts';
import type { Context } from '../db/context.ts';
import * as audit from '../domain/audit/service.ts';
import * as exports from '../domain/exports/service.ts';
import type { Check } from '../http/health.ts';

export class Housekeeping {
  readonly #ctx: Context;
  readonly #log: Log;
  readonly #witness: audit.Witness;
  #tasks: ScheduledTask[] = [];
  #faulty: audit.Verdict[] = [];
  /** Why the last signing failed. */
  #unsigned: string | undefined;
  #signing: Promise<void> = Promise.resolve();

  constructor(ctx: Context, log: Log, witness: audit.Witness) {
    this.#ctx = { ...ctx, log };
    this.#log = log;
    this.#witness = witness;
  }

  start(): void {
    void this.checkpoint();
    this.#tasks = [
      cron.schedule('0 * * * *', () => this.checkpoint()),
      cron.schedule('20 * * * *', () => this.#sweep()),
    ];
  }

  async stop(): Promise<void> {
    for (const task of this.#tasks) await task.destroy();
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

  /** Files of exports that the clean-up on another machine has taken the rows of. */
  async #sweep(): Promise<void> {
    await exports.sweep(this.#ctx).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'Old files of exports could not be removed; it is tried again within the hour.');
    });
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
}
