/** What a feed writes down besides its labels: how the printer stands, what it is, and whether anybody gave the job up. */
import type { TenantContext } from '../../db/context.ts';
import type { Identity, Reason } from '../../devices/printers/printer.ts';
import * as store from '../../resource/store.ts';
import * as attention from './attention.ts';
import { fenced, type Work } from './ledger.ts';
import { type PrinterRow, printers } from './resource.ts';

/** A printer that stands still is let go within so many ms once its lease is another's. */
const sure = 5_000;

export class Desk {
  readonly #ctx: TenantContext;
  readonly #work: Work;
  printer: PrinterRow;
  #fencedAt = Number.NEGATIVE_INFINITY;

  constructor(ctx: TenantContext, work: Work, printer: PrinterRow) {
    this.#ctx = ctx;
    this.#work = work;
    this.printer = printer;
  }

  /** In a transaction that only the holder of the lease commits. */
  async fenced<T>(work: (tx: TenantContext) => Promise<T>): Promise<T> {
    const done = await fenced(this.#ctx, this.#work, work);
    this.#fencedAt = performance.now();
    return done;
  }

  /** Asked over and over: a write each time would cost every other writer of the site. */
  async block(reason: Reason): Promise<void> {
    const isSure = performance.now() - this.#fencedAt < sure;
    if (isSure && !attention.isNews(this.printer, reason, this.#ctx.now())) return;
    await this.fenced(async (tx) => {
      this.printer = await attention.block(tx, this.printer, this.#work.printJob, reason);
    });
  }

  async clear(tx: TenantContext): Promise<void> {
    this.printer = await attention.clear(tx, this.printer, this.#work.printJob);
  }

  /** Answers whether it is another printer than the one of before. */
  async learn(known: Identity | undefined): Promise<boolean> {
    const { model, dpi } = this.printer;
    if (!known || (known.model === model && known.dpi === dpi)) return false;
    await this.fenced(async (tx) => {
      const changes = { model: known.model.slice(0, 80), dpi: known.dpi };
      this.printer = await store.update(tx, printers, this.printer, changes);
    });
    return model !== '';
  }

  async isCancelled(): Promise<boolean> {
    const sql = "SELECT id FROM print_jobs WHERE id = ? AND state = 'cancelled'";
    return (await this.#ctx.db.query(sql, [this.#work.printJob])).length > 0;
  }
}
