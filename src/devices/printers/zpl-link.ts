/** A ZPL printer that is talked to over a line. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Line } from './line.ts';
import {
  type Confirmation,
  deviceFault,
  type Identity,
  type PrinterLink,
  type PrinterStatus,
  type Use,
} from './printer.ts';
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
  /** Half a label may be in it that no one ends. */
  #unclean: boolean;
  /** Labels were handed over, and then it answered nothing. */
  #gone = false;
  #sent = false;

  /** `mute`: it is known that it never answers. */
  constructor(line: Line, { mute = false, prints = false }: Use & { mute?: boolean } = {}) {
    this.#line = line;
    this.#unclean = prints;
    this.confirmation = mute ? 'never' : 'by_status';
    line.hear = (bytes) => {
      this.#heard = (this.#heard + bytes.toString('latin1')).slice(-mostHeard);
      this.#heardAt = performance.now();
      this.#wake();
    };
  }

  identify(): Promise<Identity | undefined> {
    return this.confirmation === 'never' ? Promise.resolve(undefined) : this.#ask('~HI', parseIdentity);
  }

  async status(): Promise<PrinterStatus> {
    if (this.confirmation === 'never') return this.#alive({ reasons: [], held: 0 });
    const host = await this.#ask('~HS', parseHostStatus);
    if (host) return this.#seen(host);
    // Some say nothing to ~HS while they cannot print, and still name their errors.
    const errors = await this.#ask('~HQES', parseErrors);
    if (errors && errors.reasons.length > 0) return errors;
    this.#gone ||= this.#sent;
    return this.#alive({ reasons: ['no_answer'] });
  }

  send(bytes: Buffer): Promise<void> {
    this.#sent = true;
    return this.#write(bytes);
  }

  async #write(bytes: Buffer): Promise<void> {
    this.#writing = true;
    try {
      await this.#line.write(bytes);
    } finally {
      this.#writing = false;
    }
  }

  close(): void {
    this.#line.close(this.#unanswered);
    this.#wake();
  }

  async #seen({ reasons, held, partial }: HostStatus): Promise<PrinterStatus> {
    const gone = this.#gone;
    this.#gone = false;
    if (gone && held === 0 && !this.#line.breaks)
      throw deviceFault('offline', 'It was silent, and has nothing any more of what it was given');
    // Half a label that a broken connection left would swallow the next one: it is cancelled, once a connection.
    const unclean = this.#unclean;
    this.#unclean = false;
    if (unclean && partial) {
      await this.#write(Buffer.from('~JX'));
      return this.status();
    }
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
    const end = performance.now() + patience;
    while (performance.now() - this.#heardAt < quiet && performance.now() < end) await sleep(quiet / 3);
    return this.#ask(question, parse);
  }

  async #answerTo<T>(question: string, parse: (text: string) => T | undefined): Promise<T | undefined> {
    const until = performance.now() + patience;
    let lost: Error | undefined;
    this.#write(Buffer.from(`${question}\r\n`)).catch((error: Error) => {
      lost = error;
      this.#wake();
    });
    for (;;) {
      const answer = parse(this.#heard);
      if (answer !== undefined) return answer;
      if (lost) throw lost;
      this.#alive({ reasons: [] });
      const left = until - performance.now();
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
