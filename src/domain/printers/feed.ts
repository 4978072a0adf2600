/**
 * Works through a print job: a chunk of labels at a time, each waited for until the printer says that it is printed.
 *
 * A label is `sending` before its first byte goes out and `sent` once the printer, asked behind the last byte, has answered:
 * so what a process leaves as `sending` when it is killed is in doubt, and so is what a broken line was given. What never
 * went out is `queued` again. A printer that still has labels when it is found again has not lost them: they are waited for.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DeviceError } from '../../base/errors.ts';
import type { TenantContext } from '../../db/context.ts';
import { openPrinter } from '../../devices/printers/open.ts';
import {
  NotTaken,
  type PrinterLink,
  type PrinterStatus,
  type Reason,
  reasonOf,
} from '../../devices/printers/printer.ts';
import { parseUrl } from '../../devices/printers/url.ts';
import type { LabelTemplate } from '../../render/labels.ts';
import { Desk } from './desk.ts';
import { drawFor, type Piece } from './draw.ts';
import { type Label, labelsIn, mark, markAll, type Work } from './ledger.ts';
import type { PrinterRow } from './resource.ts';

export type Fed = { kind: 'through' } | { kind: 'stopped' } | { kind: 'blocked'; reason: Reason };

/** Between looks at a printer that prints and at one that does not, in ms. */
const [busyPause, blockedPause] = [100, 500];
/** A printer that has not taken a label for so long takes none, in ms; and 1 ms for each byte, for slow lines. */
const stuckAfter = 5_000;
/** How long a line that broke is tried before somebody is told, in ms. */
const reconnecting = 1_000;
/** Labels under way are waited for so long when the process is to stop, in ms. */
const farewell = 7_000;

const lost = 'The line or the power broke while the printer had it.';

export class Feed {
  readonly #ctx: TenantContext;
  readonly #work: Work;
  readonly #desk: Desk;
  readonly #signal: AbortSignal;
  readonly #template: LabelTemplate;
  #link: PrinterLink | undefined;
  #stopAt = Number.POSITIVE_INFINITY;

  constructor(ctx: TenantContext, work: Work, printer: PrinterRow, template: LabelTemplate, signal: AbortSignal) {
    this.#ctx = ctx;
    this.#work = work;
    this.#desk = new Desk(ctx, work, printer);
    this.#template = template;
    this.#signal = signal;
  }

  async run(): Promise<Fed> {
    // Whoever had these before is gone, and what it sent of them nobody knows.
    await this.#desk.fenced((tx) =>
      markAll(tx, this.#work.printJob, 'sending', 'unknown', 'The program ended while it was sent.'),
    );
    const stop = () => {
      this.#stopAt = performance.now() + farewell;
    };
    if (this.#signal.aborted) stop();
    this.#signal.addEventListener('abort', stop, { once: true });
    try {
      return await this.#overConnections();
    } finally {
      this.#signal.removeEventListener('abort', stop);
    }
  }

  /** A broken line is tried again at once: a printer that is found while it still has labels need not be doubted. */
  async #overConnections(): Promise<Fed> {
    for (let until = Number.POSITIVE_INFINITY; ; ) {
      const opened = performance.now();
      try {
        this.#link = await openPrinter(parseUrl(this.#desk.printer.url), { prints: true });
        return await this.#feed(this.#link);
      } catch (error) {
        if (!(error instanceof DeviceError)) throw error;
        const wasThere = this.#link !== undefined;
        const end = performance.now() + reconnecting;
        until = performance.now() - opened > 2 * reconnecting ? end : Math.min(until, end);
        if (!wasThere || performance.now() > until || this.#signal.aborted) return this.#blocked(reasonOf(error));
        await sleep(busyPause);
      } finally {
        this.#link?.close();
      }
    }
  }

  async #feed(link: PrinterLink): Promise<Fed> {
    const status = await link.status();
    const isOther = await this.#desk.learn(status.held === undefined ? undefined : await link.identify());
    const left = await this.#recover(link, status, isOther);
    if (left) return left;
    for (;;) {
      if (this.#signal.aborted) return { kind: 'stopped' };
      const { reasons } = await link.status();
      if (reasons.length > 0) return this.#blocked(reasons[0]!);
      const chunk = await this.#take();
      if (chunk.length === 0) return { kind: 'through' };
      const sent = await this.#send(link, chunk);
      if (sent.length === 0) continue;
      if (this.#desk.printer.state === 'blocked') await this.#desk.fenced((tx) => this.#desk.clear(tx));
      const end = await this.#settle(link, sent);
      if (end) return end;
    }
  }

  /** What was sent over an earlier connection: the printer still has it, or it is in doubt. */
  async #recover(link: PrinterLink, status: PrinterStatus, isOther: boolean): Promise<Fed | undefined> {
    const { printJob } = this.#work;
    const sent = link.confirmation === 'by_status' ? await labelsIn(this.#ctx, printJob, 'sent') : [];
    if (sent.length === 0) return undefined;
    if (status.held === undefined) return this.#blocked(status.reasons[0] ?? 'no_answer');
    if (status.held > 0 && !isOther) return this.#settle(link, sent);
    await this.#desk.fenced((tx) => mark(tx, printJob, sent, 'unknown', lost));
    return undefined;
  }

  #take(): Promise<Label[]> {
    const { printJob } = this.#work;
    return this.#desk.fenced(async (tx) => {
      // What could not print prints again when it has taken something, and not before.
      if (this.#desk.printer.state !== 'blocked') await this.#desk.clear(tx);
      const labels = await labelsIn(tx, printJob, 'queued', this.#desk.printer.chunk_size);
      await mark(tx, printJob, labels, 'sending');
      return labels;
    });
  }

  /** Answers those that the printer was given. DeviceError when it stopped taking them. */
  async #send(link: PrinterLink, chunk: Label[]): Promise<Label[]> {
    const { printJob } = this.#work;
    const { pieces, refused } = await drawFor(this.#desk.printer, this.#template, chunk, link.language);
    if (refused.length > 0)
      await this.#desk.fenced(async (tx) => {
        for (const { label, why } of refused) await mark(tx, printJob, [label], 'failed', why.slice(0, 255));
      });
    const begun: Label[] = [];
    try {
      for (const piece of pieces) {
        begun.push(...piece.labels);
        await this.#sendOne(link, piece, begun);
      }
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      const untouched = pieces.flatMap(({ labels }) => labels).slice(begun.length);
      await this.#desk.fenced(async (tx) => {
        await mark(tx, printJob, begun, 'unknown', lost);
        await mark(tx, printJob, untouched, 'queued');
      });
      throw error;
    }
    return begun;
  }

  /** Waits as long as it takes, and tells that it does. */
  async #sendOne(link: PrinterLink, { bytes, labels }: Piece, begun: Label[]): Promise<void> {
    let state: 'waiting' | 'taken' | Error = 'waiting';
    const sending = link.send(bytes, labels.length).then(
      () => {
        state = 'taken';
      },
      (error: Error) => {
        state = error;
      },
    );
    for (let since = performance.now(); state === 'waiting'; ) {
      await Promise.race([sending, sleep(blockedPause)]);
      if (state !== 'waiting') break;
      if (performance.now() - since > stuckAfter + bytes.length) await this.#desk.block('not_taking');
      if (performance.now() > this.#stopAt || (await this.#desk.isCancelled())) link.close();
    }
    if ((state as 'taken' | Error) === 'taken') return;
    const error = state as unknown as Error;
    if (error instanceof NotTaken) begun.length -= labels.length;
    throw error;
  }

  /** Waits until the printer has printed them. Answers how it ended when it ended otherwise. */
  async #settle(link: PrinterLink, sent: Label[]): Promise<Fed | undefined> {
    const { printJob } = this.#work;
    if (link.confirmation !== 'by_status') {
      const state = link.confirmation === 'never' ? 'sent' : 'confirmed';
      await this.#desk.fenced((tx) => mark(tx, printJob, sent, state));
      return undefined;
    }
    let left = sent;
    try {
      for (let empty = 0, arrived = false; ; ) {
        const { held, reasons } = await link.status();
        if (held !== undefined && !arrived) {
          arrived = true;
          await this.#desk.fenced((tx) => mark(tx, printJob, left, 'sent'));
        }
        // One that is being printed may be counted no more, so it is not taken for printed yet.
        empty = held === 0 && reasons.length === 0 ? empty + 1 : 0;
        const printed = empty > 1 ? left.length : held === undefined || held === 0 ? 0 : left.length - held - 1;
        left = await this.#confirm(left, printed);
        if (left.length === 0) return undefined;
        if (reasons.length > 0) await this.#desk.block(reasons[0]!);
        else if (printed > 0) await this.#desk.fenced((tx) => this.#desk.clear(tx));
        if (reasons.length > 0 && (await this.#desk.isCancelled())) return this.#abandon(left);
        if (performance.now() > this.#stopAt) return { kind: 'stopped' };
        await sleep(reasons.length > 0 ? blockedPause : busyPause);
      }
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      // Those that had arrived stay `sent`: the printer may still have them. Of the others nobody knows.
      await this.#desk.fenced((tx) => markAll(tx, printJob, 'sending', 'unknown', lost));
      throw error;
    }
  }

  async #confirm(left: Label[], printed: number): Promise<Label[]> {
    if (printed <= 0) return left;
    await this.#desk.fenced((tx) => mark(tx, this.#work.printJob, left.slice(0, printed), 'confirmed'));
    return left.slice(printed);
  }

  async #abandon(left: Label[]): Promise<Fed> {
    await this.#desk.fenced((tx) =>
      mark(tx, this.#work.printJob, left, 'unknown', 'Cancelled while the printer had it.'),
    );
    return { kind: 'through' };
  }

  async #blocked(reason: Reason): Promise<Fed> {
    await this.#desk.block(reason);
    return { kind: 'blocked', reason };
  }
}
