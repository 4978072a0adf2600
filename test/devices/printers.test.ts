/** Every printer driver, against a line or a server that is really there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { decode } from '../../src/devices/printers/ipp.ts';
import { openPrinter } from '../../src/devices/printers/open.ts';
import { NotTaken, type PrinterLink, reasonOf } from '../../src/devices/printers/printer.ts';
import { parseUrl } from '../../src/devices/printers/url.ts';
import { parseErrors, parseHostStatus, parseIdentity } from '../../src/devices/printers/zebra-status.ts';
import { PrinterSimulator } from '../../src/devices/simulator/printer.ts';
import { createPty, until } from '../support/pty.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(url: string): Promise<PrinterLink> {
  const link = await openPrinter(parseUrl(url));
  closing.push(() => link.close());
  return link;
}

async function simulator(settings = {}): Promise<PrinterSimulator> {
  const made = new PrinterSimulator({ speed: 5, ...settings });
  await made.start();
  closing.push(() => made.stop());
  return made;
}

/** A simulated printer at the other end of a serial line or a USB device file. */
async function onLine(settings = {}): Promise<{ path: string; printer: PrinterSimulator }> {
  const printer = await simulator(settings);
  const folder = mkdtempSync(join(tmpdir(), 'assetra-line-'));
  const path = join(folder, 'lp0');
  const socat = spawn('socat', [`pty,raw,echo=0,link=${path}`, `TCP:127.0.0.1:${printer.port}`], { stdio: 'ignore' });
  closing.push(async () => {
    await ended(socat);
    rmSync(folder, { recursive: true, force: true });
  });
  await until(() => existsSync(path), 'the line');
  return { path, printer };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
}

const label = Buffer.from('^XA^FO10,10^FDx^FS^XZ\n');

describe('addresses of printers', () => {
  it.each([
    ['tcp://Printer.local', 'tcp://printer.local:9100'],
    ['tcp://192.0.2.10:6101?status=none', 'tcp://192.0.2.10:6101?status=none'],
    ['tcp://[2001:db8::1]', 'tcp://[2001:db8::1]:9100'],
    ['/dev/usb/lp0', '/dev/usb/lp0'],
    ['usb:/dev/usb/lp0', '/dev/usb/lp0'],
    ['serial:/dev/ttyUSB0?baud=19200', 'serial:/dev/ttyUSB0?baud=19200'],
    ['ipp://office/printers/Zebra?format=zpl', 'ipp://office:631/printers/Zebra?format=zpl'],
    ['dir:///srv/labels', 'dir:/srv/labels'],
  ])('%s is %s', (text, normal) => expect(parseUrl(text).text).toBe(normal));

  it.each([
    '',
    'printer',
    'http://x',
    'tcp://',
    'tcp://u:p@x',
    'dir:labels',
    'tcp://x?baud=9',
    'serial:/dev/a?baud=fast',
  ])('refuses "%s"', (text) => expect(() => parseUrl(text)).toThrow(/url:/));
});

describe('what a ZPL printer says of itself', () => {
  const lines = (one: string, two: string) => `\u0002${one}\u0003\r\n\u0002${two}\u0003\r\n\u00021234,0\u0003\r\n`;

  it('names what keeps it from printing, and counts what it has', () => {
    expect(parseHostStatus(lines('030,1,1,1245,007,0,0,0,000,0,0,0', '000,0,1,1,0,2,4,0,00000002,1,000'))).toEqual({
      reasons: ['paper_out', 'ribbon_out', 'head_open', 'paused'],
      held: 9,
      partial: false,
    });
  });

  it('says nothing until all three lines are there, and nothing of garbage', () => {
    const whole = lines('030,0,0,1245,000,0,0,1,000,0,0,0', '000,0,0,0,0,2,4,0,00000000,1,000');
    expect(parseHostStatus(whole)).toEqual({ reasons: [], held: 0, partial: true });
    for (let cut = 0; cut < whole.length - 3; cut += 1) expect(parseHostStatus(whole.slice(0, cut))).toBeUndefined();
    expect(parseHostStatus('\u0002ready\u0003\u0002ok\u0003\u0002fine\u0003')).toBeUndefined();
  });

  it('reads the error word and the identity', () => {
    const errors = 'PRINTER STATUS\r\n ERRORS: 1 00000000 00010005\r\n WARNINGS: 0 00000000 00000000\r\n';
    expect(parseErrors(errors)).toEqual({ reasons: ['paper_out', 'head_open', 'paused'] });
    expect(parseErrors(errors.replace('00010005', '00100000'))).toEqual({ reasons: ['printer_error'] });
    expect(parseIdentity('\u0002ZD420-203dpi,V84.20.18Z,8,8176KB\u0003')).toEqual({ model: 'ZD420-203dpi', dpi: 203 });
  });
});

describe.each(['tcp', 'usb', 'serial'] as const)('a printer over %s', (way) => {
  const at = async (settings = {}) => {
    if (way === 'tcp') {
      const printer = await simulator(settings);
      return { printer, url: `tcp://127.0.0.1:${printer.port}` };
    }
    const { path, printer } = await onLine(settings);
    return { printer, url: way === 'usb' ? path : `serial:${path}?baud=115200&flow=none` };
  };

  it('tells what it is and how it is, and prints', async () => {
    const { printer, url } = await at();
    const link = await open(url);
    expect(await link.identify()).toEqual({ model: 'ASSETRA-SIM', dpi: 203 });
    printer.set('paused', true);
    await link.send(label, 1);
    await link.send(label, 1);
    expect(await link.status()).toEqual({ reasons: ['paused'], held: 2 });
    printer.set('paused', false);
    await until(async () => (await link.status()).held === 0, 'both to be printed');
    expect(printer.printed).toHaveLength(2);
  });

  it('asks a second question when the first has no answer', async () => {
    const { printer, url } = await at({ answers: 'unless_blocked' });
    const link = await open(url);
    printer.set('ribbon_out', true);
    expect(await link.status()).toEqual({ reasons: ['ribbon_out'] });
    printer.settings.answers = 'never';
    expect(await link.status()).toEqual({ reasons: ['no_answer'] });
  });
});

it('a late answer is no news: what was true before a label came is not taken for what is true after', async () => {
  const printer = await simulator({ answers: 'never', speed: 60_000 });
  const link = await open(`tcp://127.0.0.1:${printer.port}`);
  expect(await link.status()).toEqual({ reasons: ['no_answer'] });
  printer.settings.answers = 'always';
  await link.send(label, 1);
  expect((await link.status()).held).toBe(1);
});

it('four printers that take nothing hold no thread: files are read and others print meanwhile', async () => {
  const lines = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const line = createPty();
      await line.plug();
      closing.push(() => line.remove());
      return line;
    }),
  );
  const links = await Promise.all(lines.map(({ path }) => open(`usb:${path}?status=none`)));
  const much = Buffer.alloc(1024 * 1024, 'x');
  const writes = links.map((link) => link.send(much, 1).catch((error: unknown) => error));
  const { readFile } = await import('node:fs/promises');
  await new Promise((resolve) => setTimeout(resolve, 500));
  // With a thread held by each, these would never be answered.
  for (let n = 0; n < 50; n += 1) await readFile(import.meta.filename);
  for (const link of links) link.close();
  for (const write of writes) expect(reasonOf(await write)).toBe('offline');
});

it('a printer that is unplugged, or not there, is offline and no crash', async () => {
  await expect(openPrinter(parseUrl('/dev/usb/lp9'))).rejects.toMatchObject({ code: 'DEVICE_OFFLINE' });
  await expect(openPrinter(parseUrl('serial:/dev/ttyNONE'))).rejects.toMatchObject({ code: 'DEVICE_OFFLINE' });
  await expect(openPrinter(parseUrl('tcp://127.0.0.1:9'))).rejects.toMatchObject({ code: 'DEVICE_OFFLINE' });
  const line = createPty();
  await line.plug();
  const link = await open(`usb:${line.path}`);
  await line.unplug();
  await expect(link.send(label, 1)).rejects.toMatchObject({ code: 'DEVICE_OFFLINE' });
  await line.remove();
});

/** A queue that keeps what it was sent; `jobs` says what it answers of each. */
class Queue {
  readonly documents: { format: string; body: Buffer }[] = [];
  busy = 0;
  refusal = 0x0507;
  /** A format that it does not know. */
  refused = '';
  jobState = 9;
  #server: Server | undefined;

  async start(): Promise<string> {
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => response.end(this.#answer(Buffer.concat(parts))));
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => this.#server!.close());
    return `ipp://127.0.0.1:${(server.address() as AddressInfo).port}/printers/q`;
  }

  #answer(request: Buffer): Buffer {
    const code = request.readUInt16BE(2);
    if (code === 0x02 && this.busy-- > 0) return answer(this.refusal);
    if (code === 0x02) {
      const { attributes } = decode(request);
      if (attributes['document-format']?.includes(this.refused)) return answer(0x040b);
      const end = request.indexOf(Buffer.from([0x03]), 8);
      this.documents.push({ format: String(attributes['document-format']), body: request.subarray(end + 1) });
      return answer(0, number(0x21, 'job-id', this.documents.length));
    }
    if (code === 0x09) return answer(0, number(0x23, 'job-state', this.jobState));
    return answer(
      0,
      number(0x23, 'printer-state', 3),
      text(0x44, 'printer-state-reasons', 'none'),
      text(0x41, 'printer-make-and-model', 'Office L2'),
      Buffer.concat([head(0x22, 'printer-is-accepting-jobs', 1), Buffer.from([1])]),
    );
  }
}

function head(tag: number, name: string, length: number): Buffer {
  const bytes = Buffer.alloc(5 + name.length);
  bytes.writeUInt8(tag);
  bytes.writeUInt16BE(name.length, 1);
  bytes.write(name, 3);
  bytes.writeUInt16BE(length, 3 + name.length);
  return bytes;
}
function number(tag: number, name: string, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return Buffer.concat([head(tag, name, 4), bytes]);
}
const text = (tag: number, name: string, value: string) =>
  Buffer.concat([head(tag, name, value.length), Buffer.from(value)]);
const answer = (status: number, ...attributes: Buffer[]) =>
  Buffer.concat([Buffer.from([1, 1, status >> 8, status & 255, 0, 0, 0, 1, 4]), ...attributes, Buffer.from([3])]);

describe('a queue over IPP', () => {
  it('takes a PDF, and says when it is printed', async () => {
    const queue = new Queue();
    const link = await open(await queue.start());
    expect(link.language).toBe('pdf');
    expect(await link.identify()).toEqual({ model: 'Office L2', dpi: null });
    queue.jobState = 5;
    await link.send(Buffer.from('%PDF-1.7 three labels'), 3);
    expect(await link.status()).toEqual({ reasons: [], held: 3 });
    queue.jobState = 9;
    expect(await link.status()).toEqual({ reasons: [], held: 0 });
    expect(queue.documents).toEqual([{ format: 'application/pdf', body: Buffer.from('%PDF-1.7 three labels') }]);
  });

  it('takes ZPL as it is where the address says so', async () => {
    const queue = new Queue();
    const link = await open(`${await queue.start()}?format=zpl`);
    await link.send(label, 1);
    queue.refused = 'application/vnd.cups-raw';
    await link.send(label, 1);
    expect(queue.documents).toEqual([
      { format: 'application/vnd.cups-raw', body: label },
      { format: 'application/vnd.zebra-zpl', body: label },
    ]);
  });

  it.each([
    [0x0403, 'denied'],
    [0x0406, 'offline'],
    [0x0505, 'busy'],
    [0x0506, 'paused'],
    [0x0500, 'printer_error'],
  ] as const)('status %i is %s, and nothing was taken', async (refusal, reason) => {
    const queue = Object.assign(new Queue(), { refusal, busy: 1 });
    const link = await open(await queue.start());
    const refused = await link.send(label, 1).catch((error: unknown) => error);
    expect([refused instanceof NotTaken, reasonOf(refused)]).toEqual([true, reason]);
  });

  it('says that nothing was taken while the queue is busy, and that a job was given up', async () => {
    const queue = new Queue();
    const link = await open(await queue.start());
    queue.busy = 1;
    const refused = await link.send(label, 1).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(NotTaken);
    expect(reasonOf(refused)).toBe('busy');
    await link.send(label, 1);
    queue.jobState = 8;
    await expect(link.status()).rejects.toMatchObject({ code: 'DEVICE_PRINTER_ERROR' });
  });
});
