/** A bench for each kind of scanner: the real driver, and a fake at the wire only. */
import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HidHandle, type HidWire, hidOver } from '../../src/devices/hid/scanner.ts';
import { inputFrom } from '../../src/devices/input-scanner.ts';
import type { OpenScanner } from '../../src/devices/scanner.ts';
import { openSerial } from '../../src/devices/serial-scanner.ts';
import { openTcp } from '../../src/devices/tcp-scanner.ts';
import { wedgeOver } from '../../src/devices/wedge/scanner.ts';
import { keyboardDescriptor, posDescriptor, posReports, usKeyReports } from './hid-reports.ts';
import { createPty, until } from './pty.ts';

export interface Bench {
  open: OpenScanner;
  path: string;
  plug(): Promise<void>;
  unplug(): Promise<void>;
  /** Whole codes, each sent with whatever ends it on this line. */
  type(...codes: string[]): Promise<void>;
  /** The beginning of a code. */
  typePart(text: string): Promise<void>;
  remove(): Promise<void>;
}

export const benches: Record<string, () => Promise<Bench>> = {
  serial: serialBench,
  tcp: tcpBench,
  'HID POS': hidBench,
  wedge: wedgeBench,
  'standard input': inputBench,
};

/** Its line comes with the process, is never unplugged and ends once. */
export const endsOnce = (kind: string): boolean => kind === 'standard input';

async function serialBench(): Promise<Bench> {
  const { path, plug, unplug, send, remove } = createPty();
  return {
    open: openSerial,
    path,
    plug,
    unplug,
    type: (...codes) => send(codes.map((code) => `${code}\r`).join('')),
    typePart: send,
    remove,
  };
}

async function tcpBench(): Promise<Bench> {
  const line = new Listener();
  const port = await line.reserve();
  return {
    open: openTcp,
    path: `tcp://127.0.0.1:${port}`,
    plug: () => line.listen(port),
    unplug: () => line.close(),
    type: (...codes) => line.send(codes.map((code) => `${code}\r\n`).join('')),
    typePart: (text) => line.send(text),
    remove: () => line.close(),
  };
}

/** One server, one client: what is sent waits for it. */
class Listener {
  #server: Server | undefined;
  #client: Socket | undefined;

  async reserve(): Promise<number> {
    await this.listen(0);
    const { port } = this.#server!.address() as { port: number };
    await this.close();
    return port;
  }

  listen(at: number | string): Promise<void> {
    this.#server = createServer((socket) => {
      this.#client = socket.on('error', () => undefined);
    });
    return new Promise((resolve) => this.#server!.listen(at as number, '127.0.0.1', resolve));
  }

  listenAt(path: string): Promise<void> {
    this.#server = createServer((socket) => {
      this.#client = socket.on('error', () => undefined);
    });
    return new Promise((resolve) => this.#server!.listen(path, resolve));
  }

  async send(text: string): Promise<void> {
    await until(() => this.#client !== undefined, 'somebody to connect');
    await new Promise<void>((resolve) => this.#client!.write(Buffer.from(text), () => resolve()));
  }

  async close(): Promise<void> {
    this.#client?.destroy();
    this.#client = undefined;
    const server = this.#server;
    this.#server = undefined;
    if (server?.listening) await new Promise((resolve) => server.close(resolve));
  }
}

export interface FakeHid {
  name: string;
  usb: [vendor: number, product: number];
  serial: string;
  /** Undefined for one that cannot be read. */
  descriptor: Uint8Array | undefined;
  /** The USB interface. */
  port: string;
}

/** /sys/class/hidraw and /dev of a machine, in a folder. */
export class FakeMachine {
  readonly folder = mkdtempSync(join(tmpdir(), 'assetra-hid-'));
  readonly sys = join(this.folder, 'sys');
  readonly dev = join(this.folder, 'dev');
  readonly handles = new Map<string, FakeHandle>();
  #count = 0;

  constructor() {
    mkdirSync(this.sys);
    mkdirSync(this.dev);
  }

  /** As the kernel does it: first /sys, then the node. */
  plug({ name, usb, serial, descriptor, port }: FakeHid): string {
    const node = `hidraw${this.#count++}`;
    const device = join(this.folder, 'devices', port, `0003.${node}`);
    const [vendor, product] = usb.map((number) => number.toString(16).padStart(8, '0').toUpperCase());
    mkdirSync(device, { recursive: true });
    writeFileSync(join(device, 'uevent'), `HID_ID=0003:${vendor}:${product}\nHID_NAME=${name}\nHID_UNIQ=${serial}\n`);
    if (descriptor) writeFileSync(join(device, 'report_descriptor'), descriptor);
    mkdirSync(join(this.sys, node));
    symlinkSync(device, join(this.sys, node, 'device'));
    writeFileSync(join(this.dev, node), '');
    return node;
  }

  unplug(node: string): void {
    rmSync(join(this.sys, node), { recursive: true, force: true });
    rmSync(join(this.dev, node), { force: true });
    const handle = this.handles.get(node);
    this.handles.delete(node);
    handle?.emitError();
  }

  wire(): HidWire {
    return {
      sys: this.sys,
      dev: this.dev,
      open: async (path) => {
        const handle = new FakeHandle();
        this.handles.set(path.slice(this.dev.length + 1), handle);
        return handle;
      },
    };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** As node-hid behaves: no argument to `error`, and no `close`. */
export class FakeHandle implements HidHandle {
  readonly #events = new EventEmitter();
  readonly features: number[][] = [];
  on(event: string, listener: (...args: never[]) => void): unknown {
    return this.#events.on(event, listener as () => void);
  }
  async sendFeatureReport(report: number[]): Promise<void> {
    this.features.push(report);
  }
  async close(): Promise<void> {
    this.#events.removeAllListeners();
  }
  report(bytes: Uint8Array): void {
    this.#events.emit('data', bytes);
  }
  emitError(): void {
    if (this.#events.listenerCount('error') > 0) this.#events.emit('error');
  }
}

export const posScanner: FakeHid = {
  name: 'Acme POS',
  usb: [0x05e0, 0x1300],
  serial: 'S1',
  descriptor: posDescriptor,
  port: '1-1:1.0',
};

async function hidBench(): Promise<Bench> {
  const machine = new FakeMachine();
  let node = '';
  const send = async (reports: Uint8Array[]) => {
    await until(() => machine.handles.has(node), 'the node to be opened');
    for (const report of reports) machine.handles.get(node)!.report(report);
  };
  return {
    open: hidOver(machine.wire()),
    path: '05e0:1300:S1',
    plug: async () => {
      node = machine.plug(posScanner);
    },
    unplug: async () => machine.unplug(node),
    type: (...codes) => send(codes.flatMap((code) => posReports(code))),
    typePart: (text) => send(posReports(text.padEnd(57, '-')).slice(0, 1)),
    remove: async () => machine.remove(),
  };
}

/** Stands for the process that takes a keyboard over: what comes over a socket are its reports. */
const fakeChild = (socket: string) => `
import { connect } from 'node:net';
process.once('disconnect', () => process.exit(0));
process.once('message', () => {
  const line = connect(${JSON.stringify(socket)});
  let rest = '';
  line.on('connect', () => process.send({ opened: true }));
  line.on('data', (bytes) => {
    const lines = (rest + bytes).split('\\n');
    rest = lines.pop();
    for (const report of lines) process.send({ report });
  });
  line.on('close', () => process.send({ lost: true }, () => process.exit(0)));
  line.on('error', () => process.send({ failed: { code: 'DEVICE_MISSING', message: 'It is not there.' } }));
});
`;

async function wedgeBench(): Promise<Bench> {
  const machine = new FakeMachine();
  const line = new Listener();
  const socket = join(machine.folder, 'keyboard');
  const module = join(machine.folder, 'child.mjs');
  writeFileSync(module, fakeChild(socket));
  let node = '';
  const send = (text: string) =>
    line.send(
      usKeyReports(text)
        .map((report) => `${Buffer.from(report).toString('hex')}\n`)
        .join(''),
    );
  return {
    open: wedgeOver({ sys: machine.sys, dev: machine.dev, module }),
    path: '05e0:1200',
    plug: async () => {
      await line.listenAt(socket);
      node = machine.plug({ ...posScanner, usb: [0x05e0, 0x1200], descriptor: keyboardDescriptor });
    },
    unplug: async () => {
      machine.unplug(node);
      await line.close();
    },
    type: (...codes) => send(codes.map((code) => `${code}\r`).join('')),
    typePart: send,
    remove: async () => {
      await line.close();
      machine.remove();
    },
  };
}

async function inputBench(): Promise<Bench> {
  const cat = spawn('cat', [], { stdio: ['pipe', 'pipe', 'ignore'] });
  const gone = new Promise((resolve) => cat.once('exit', resolve));
  const send = async (text: string) => void cat.stdin.write(text);
  return {
    open: inputFrom(() => cat.stdout),
    path: '-',
    plug: async () => undefined,
    unplug: async () => void cat.stdin.end(),
    type: (...codes) => send(codes.map((code) => `${code}\n`).join('')),
    typePart: send,
    remove: async () => {
      cat.kill();
      await gone;
    },
  };
}
