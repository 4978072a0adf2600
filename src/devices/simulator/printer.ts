/** A ZPL printer on a TCP port that is not there: with a buffer, a speed, and everything that goes wrong with real ones. */
import { createServer, type Server, type Socket } from 'node:net';
import { FormatReader } from './format-reader.ts';

/** What keeps it from printing. */
export const faults = ['paper_out', 'head_open', 'ribbon_out', 'paused'] as const;
export type Fault = (typeof faults)[number];

export interface SimulatorSettings {
  /** ms that a label takes. */
  speed: number;
  dpmm: number;
  /** Further connections are closed at once. */
  oneClient: boolean;
  /** To ~HS: `always`; `unless_blocked`, as newer firmware; `never`, and then nothing is answered at all. */
  answers: 'always' | 'unless_blocked' | 'never';
  /** Bytes a second that it reads; 0 reads none, undefined as many as come. */
  drain: number | undefined;
}

export interface Printed {
  zpl: string;
  /** ms since 1970. */
  at: number;
}

export const usualSettings: SimulatorSettings = {
  speed: 200,
  dpmm: 8,
  oneClient: false,
  answers: 'always',
  drain: undefined,
};

export class PrinterSimulator {
  readonly settings: SimulatorSettings;
  readonly faults = new Set<Fault>();
  /** Labels, in the order that they came out. */
  readonly printed: Printed[] = [];
  /** Labels left on the roll. */
  roll = Number.POSITIVE_INFINITY;
  /** Breaks the connection in the midst of the label that is so many labels away; 0 is the next. */
  resetIn: number | undefined;
  onPrint: (label: Printed) => void = () => undefined;
  #server: Server | undefined;
  #port = 0;
  readonly #host: string;
  readonly #sockets = new Set<Socket>();
  #buffer: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #reader!: FormatReader;
  #asker: Socket | undefined;
  #dark = false;

  constructor(settings: Partial<SimulatorSettings> = {}, host = '127.0.0.1') {
    this.settings = { ...usualSettings, ...settings };
    this.#host = host;
    this.#forget();
  }

  get port(): number {
    return this.#port;
  }

  /** Labels that it has and has not printed. */
  get held(): number {
    return this.#buffer.length;
  }

  /** On with power; on the same port as before, or on `port`. */
  async start(port = this.#port): Promise<void> {
    if (this.#server) return;
    const server = createServer((socket) => this.#connected(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, this.#host, () => resolve());
    });
    this.#port = (server.address() as { port: number }).port;
    this.#roll();
  }

  /** The plug is pulled: what was in its memory is gone. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#forget();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
  }

  /** Its power fails for so many ms behind a line that does not notice, such as a serial one. */
  blackout(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#forget();
    this.#dark = true;
    setTimeout(() => {
      this.#dark = false;
    }, ms).unref();
  }

  /** The network breaks; the printer goes on. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  set(fault: Fault, on: boolean): void {
    if (on) this.faults.add(fault);
    else this.faults.delete(fault);
    if (fault === 'paper_out' && !on && this.roll === 0) this.roll = Number.POSITIVE_INFINITY;
    this.#roll();
  }

  #forget(): void {
    this.#buffer = [];
    this.#reader = new FormatReader({ label: (zpl) => this.#take(zpl), command: (name) => this.#obey(name) });
  }

  #connected(socket: Socket): void {
    socket.on('error', () => undefined);
    if (this.settings.oneClient && this.#sockets.size > 0) return void socket.destroy();
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    const { drain } = this.settings;
    if (drain === 0) return void socket.pause();
    socket.on('data', (bytes) => {
      if (this.#dark) return;
      this.#asker = socket;
      this.#read(socket, bytes);
      if (drain === undefined) return;
      socket.pause();
      setTimeout(() => socket.resume(), (bytes.length / drain) * 1_000);
    });
  }

  /** Up to the middle of the label at which the connection is to break. */
  #read(socket: Socket, bytes: Buffer): void {
    if (this.resetIn === undefined) {
      this.#reader.push(bytes);
      return;
    }
    const text = bytes.toString('latin1');
    let at = -1;
    for (let left = this.resetIn; left >= 0; left -= 1) {
      at = text.indexOf('^XA', at + 1);
      if (at < 0) break;
    }
    if (at < 0) {
      this.resetIn -= text.split('^XA').length - 1;
      this.#reader.push(bytes);
      return;
    }
    this.resetIn = undefined;
    this.#reader.push(bytes.subarray(0, at + 20));
    socket.resetAndDestroy();
  }

  #take(zpl: string): void {
    this.#buffer.push(zpl);
    this.#roll();
  }

  /** Prints the next label if it can. */
  #roll(): void {
    if (this.#timer || !this.#server || this.#buffer.length === 0 || this.faults.size > 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      // What stopped it in the midst of a label lets it print that one again, whole, once it is cleared.
      if (this.faults.size > 0) return;
      if (this.roll <= 0) return void this.faults.add('paper_out');
      this.roll -= 1;
      const label = { zpl: this.#buffer.shift()!, at: Date.now() };
      this.printed.push(label);
      this.onPrint(label);
      this.#roll();
    }, this.settings.speed);
  }

  #obey(name: string): void {
    if (name === 'JA') this.#buffer = [];
    if (name === 'PP') this.set('paused', true);
    if (name === 'PS') this.set('paused', false);
    const { answers } = this.settings;
    if (answers === 'never' || !this.#asker?.writable) return;
    if (name === 'HS' && !(answers === 'unless_blocked' && this.faults.size > 0)) this.#asker.write(this.#hostStatus());
    if (name === 'HQES') this.#asker.write(this.#errors());
    if (name === 'HI') this.#asker.write(`\u0002ASSETRA-SIM,V1.0,${this.settings.dpmm},8176KB\u0003\r\n`);
  }

  #hostStatus(): string {
    const flag = (fault: Fault) => (this.faults.has(fault) ? 1 : 0);
    // The one under the head is in the batch, not among the formats.
    const formats = String(Math.max(0, this.held - 1)).padStart(3, '0');
    const left = String(Math.min(1, this.held)).padStart(8, '0');
    const partial = this.#reader.partial ? 1 : 0;
    return (
      `\u0002030,${flag('paper_out')},${flag('paused')},0406,${formats},0,0,${partial},000,0,0,0\u0003\r\n` +
      `\u0002000,0,${flag('head_open')},${flag('ribbon_out')},0,2,4,0,${left},1,000\u0003\r\n` +
      '\u00020000,0\u0003\r\n'
    );
  }

  #errors(): string {
    const bits = { paper_out: 0x1, ribbon_out: 0x2, head_open: 0x4, paused: 0x10000 };
    const word = [...this.faults].reduce((sum, fault) => sum | bits[fault], 0);
    const hex = word.toString(16).toUpperCase().padStart(8, '0');
    const any = word === 0 ? 0 : 1;
    return `\u0002\r\n  PRINTER STATUS\r\n   ERRORS:         ${any} 00000000 ${hex}\r\n   WARNINGS:       0 00000000 00000000\r\n\u0003\r\n`;
  }
}
