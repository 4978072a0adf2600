/**
 * A printer behind a device file, /dev/usb/lpN. Never a blocking call: to a printer that is out of paper one would not
 * return until it is unplugged, and four of them would hold every thread of the process.
 */
import { close, constants, fstat, open, read, write } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Line } from './line.ts';
import { deviceError, deviceFault, type PrinterUrl } from './printer.ts';

/** What was written reaches the printer within so many ms, unless it takes nothing. */
const passing = 250;

const [opened, statOf] = [promisify(open), promisify(fstat)];
const { O_RDWR, O_NONBLOCK, O_NOCTTY } = constants;
/** Between tries at a device that has nothing, or takes nothing, in ms: the first, and the longest. */
const [soon, seldom] = [10, 200];

export async function openFile({ path, text }: PrinterUrl): Promise<Line> {
  try {
    const fd = await opened(path, O_RDWR | O_NONBLOCK | O_NOCTTY);
    if ((await statOf(fd)).isCharacterDevice()) return new FileLine(fd, text);
    close(fd, () => undefined);
  } catch (error) {
    throw deviceError(error, text);
  }
  throw deviceFault('denied', `${text} is no device; labels go into a file with file: or dir:`);
}

class FileLine implements Line {
  hear: (bytes: Buffer) => void = () => undefined;
  readonly breaks = true;
  fault: Error | undefined;
  readonly #fd: number;
  readonly #name: string;
  /** Calls under way: the number of the file may only be given back when there is none. */
  #calls = 0;
  #released = false;

  constructor(fd: number, name: string) {
    this.#fd = fd;
    this.#name = name;
    void this.#listen();
  }

  async write(bytes: Buffer): Promise<void> {
    let pause = soon;
    for (let done = 0; done < bytes.length; ) {
      const taken = await this.#try((told) => write(this.#fd, bytes, done, bytes.length - done, null, told));
      if (taken < 0) throw deviceFault('printer_error', `${this.#name} takes no data`);
      done += taken;
      pause = taken > 0 ? soon : Math.min(pause * 2, seldom);
      if (taken === 0) await sleep(pause);
    }
  }

  close(): void {
    if (this.fault?.message === closed) return;
    const whole = this.fault === undefined;
    this.fault = new Error(closed);
    // The driver forgets what it has not passed on when the file is closed.
    setTimeout(() => this.#release(), whole ? passing : 0);
  }

  async #listen(): Promise<void> {
    const bytes = Buffer.alloc(4_096);
    for (let pause = soon; this.fault === undefined; ) {
      const length = await this.#try((told) => read(this.#fd, bytes, 0, bytes.length, null, told)).catch(() => 0);
      if (length < 0) return;
      if (length > 0) this.hear(Buffer.from(bytes.subarray(0, length)));
      pause = length > 0 ? soon : Math.min(pause * 2, seldom);
      await sleep(pause, undefined, { ref: false });
    }
  }

  /** Bytes that went or came, 0 when there is to be another try. */
  #try(call: (told: (error: Error | null, length: number) => void) => void): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.fault) return reject(deviceFault('offline', `${this.#name}: ${this.fault.message}`));
      this.#calls += 1;
      call((error, length) => {
        this.#calls -= 1;
        if (this.#released) this.#release();
        const { code } = (error ?? {}) as NodeJS.ErrnoException;
        if (!error) resolve(length);
        else if (code === 'EAGAIN') resolve(0);
        // A cable on which nothing comes back.
        else if (code === 'EINVAL') resolve(-1);
        else {
          this.fault ??= error;
          reject(deviceError(error, this.#name));
        }
      });
    });
  }

  #release(): void {
    this.#released = true;
    if (this.#calls === 0) close(this.#fd, () => undefined);
  }
}

const closed = 'closed';
