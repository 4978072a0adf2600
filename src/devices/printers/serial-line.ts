/** A printer on a serial line. Its buffer is small, so without flow control labels are lost. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SerialPort } from 'serialport';
import type { Line } from './line.ts';
import { deviceError, deviceFault, type PrinterUrl } from './printer.ts';

export async function openSerial({ path, options, text }: PrinterUrl): Promise<Line> {
  const { SerialPort } = await import('serialport');
  const flow = options.flow ?? 'xonxoff';
  const port = new SerialPort({
    path,
    baudRate: Number(options.baud ?? 9_600),
    rtscts: flow === 'rtscts',
    xon: flow === 'xonxoff',
    xoff: flow === 'xonxoff',
    autoOpen: false,
  });
  await new Promise<void>((resolve, reject) =>
    port.open((error) => (error ? reject(deviceError(error, text)) : resolve())),
  );
  return new SerialLine(port, text);
}

/** With a start and a stop bit. */
const bitsOfByte = 10;

class SerialLine implements Line {
  hear: (bytes: Buffer) => void = () => undefined;
  readonly breaks = false;
  fault: Error | undefined;
  readonly #port: SerialPort;
  readonly #name: string;
  #writing = 0;

  constructor(port: SerialPort, name: string) {
    this.#port = port;
    this.#name = name;
    port.on('data', (bytes: Buffer) => this.hear(bytes));
    port.on('error', (error) => {
      this.fault = error;
    });
    port.on('close', () => {
      this.fault ??= new Error('the line was closed');
    });
  }

  /**
   * Without `drain`, which would wait in a thread for a printer that takes nothing; but for as long as the bytes take on the
   * line, so that what is asked behind them is not taken for unanswered while they are still going out.
   */
  async write(bytes: Buffer): Promise<void> {
    const until = performance.now() + (bytes.length * bitsOfByte * 1_000) / this.#port.baudRate;
    this.#writing += 1;
    await this.#taken(bytes).finally(() => {
      this.#writing -= 1;
    });
    await sleep(Math.max(0, until - performance.now()));
  }

  #taken(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const gone = () => reject(deviceFault('offline', `${this.#name}: the line was closed`));
      if (!this.#port.isOpen) return gone();
      this.#port.once('close', gone);
      this.#port.write(bytes, undefined, (error) => {
        this.#port.off('close', gone);
        if (error) reject(deviceError(error, this.#name));
        else resolve();
      });
    });
  }

  close(drop = false): void {
    if (!this.#port.isOpen) return;
    const end = () => this.#port.close(() => undefined);
    // The system would wait half a minute, in a thread, for a printer to take the rest.
    if (drop || this.#writing > 0) this.#port.flush(end);
    else end();
  }
}
