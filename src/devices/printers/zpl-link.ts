/** A ZPL printer that is talked to over a line. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Line } from './line.ts';
import { type Confirmation, deviceFault, type Identity, type PrinterLink, type PrinterStatus } from './printer.ts';
import { type HostStatus, parseErrors, parseHostStatus, parseIdentity } from './zebra-status.ts';

/** How long an answer may take, in ms; over USB 246 were seen. */
const patience = 1_500;
/** After an unanswered question nothing more comes once it is quiet for so long, in ms. */
const quiet = 300;
const mostHeard = 65_536;

export class ZplLink implements PrinterLink {
  readonly language = 'zpl';
  readonly confirmation: Confirmation;
  readonly #line: Line;
  #heard = '';
  #heardAt = 0;
  #wake: () => void = () => undefined;
  /** A question of before may still be answered, with what was true then. */
  #unanswered = false;
  /** A write under way: while the printer takes nothing, nothing more is asked. */
  #writing = false;
  #cleaned = false;

  /** `mute`: it is known that it never answers. */
  constructor(line: Line, { mute = false } = {}) {
    this.#line = line;
    this.confirmation = mute ? 'never' : 'by_status';
    line.hear = (bytes) => {
      this.#heard = (this.#heard + bytes.toString('latin1')).slice(-mostHeard);
      this.#heardAt = Date.now();
      this.#wake();
    };
  }

  identify(): Promise<Identity | undefined> {
    return this.confirmation === 'never' ? Promise.resolve(undefined) : this.#ask('~HI', parseIdentity);
  }

  async status(): Promise<PrinterStatus> {
    if (this.confirmation === 'never') return this.#alive({ reasons: [], held: 0 });
    const host = await this.#ask('~HS', parseHostStatus);
    if (host) return this.#clean(host);
    // Some say nothing to ~HS while they cannot print, and still name their errors.
    const errors = await this.#ask('~HQES', parseErrors);
    if (errors && errors.reasons.length > 0) return errors;
    return this.#alive({ reasons: ['no_answer'] });
  }

  async send(bytes: Buffer): Promise<void> {
    this.#writing = true;
    try {
      await this.#line.write(bytes);
    } finally {
      this.#writing = false;
    }
  }

  close(): void {
    this.#line.close();
    this.#wake();
  }

  /** Half a label that a broken connection left would swallow the next one: it is cancelled, once a connection. */
  async #clean(status: HostStatus): Promise<PrinterStatus> {
    if (!this.#cleaned && status.partial) {
      this.#cleaned = true;
      await this.send(Buffer.from('~JX'));
      return this.status();
    }
    this.#cleaned = true;
    const { reasons, held, partial } = status;
    return { reasons, held: held + (partial ? 1 : 0) };
  }

  #alive(status: PrinterStatus): PrinterStatus {
    const { fault } = this.#line;
    if (fault) throw deviceFault('offline', fault.message);
    return status;
  }

  /** Undefined when no answer comes. Rejects with DeviceError when the line is gone. */
  async #ask<T>(question: string, parse: (text: string) => T | undefined): Promise<T | undefined> {
    if (this.#writing) return undefined;
    this.#heard = '';
    const late = this.#unanswered;
    const answer = await this.#answerTo(question, parse);
    this.#unanswered = answer === undefined;
    if (answer === undefined || !late) return answer;
    // It may be the answer to an older question: what was true before is no news.
    while (Date.now() - this.#heardAt < quiet) await sleep(quiet / 3);
    return this.#ask(question, parse);
  }

  async #answerTo<T>(question: string, parse: (text: string) => T | undefined): Promise<T | undefined> {
    const until = Date.now() + patience;
    let lost: Error | undefined;
    this.send(Buffer.from(`${question}\r\n`)).catch((error: Error) => {
      lost = error;
      this.#wake();
    });
    for (;;) {
      const answer = parse(this.#heard);
      if (answer !== undefined) return answer;
      if (lost) throw lost;
      this.#alive({ reasons: [] });
      const left = until - Date.now();
      if (left <= 0) return undefined;
      await this.#news(Math.min(left, 250));
    }
  }

  #news(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
