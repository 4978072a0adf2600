/** A printer on a serial line. Its buffer is small, so without flow control labels are lost. */
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

class SerialLine implements Line {
  hear: (bytes: Buffer) => void = () => undefined;
  fault: Error | undefined;
  readonly #port: SerialPort;
  readonly #name: string;

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

  /** Without `drain`, which would wait in a thread for a printer that takes nothing. */
  write(bytes: Buffer): Promise<void> {
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

  close(): void {
    if (this.#port.isOpen) this.#port.close(() => undefined);
  }
}
