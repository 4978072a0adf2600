/** Lines that come and go in awkward ways. */
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Scanner, ScannerState } from '../../src/devices/scanner.ts';
import { openSerial } from '../../src/devices/serial-scanner.ts';
import { deviceSettings } from '../../src/devices/settings.ts';
import { openTcp } from '../../src/devices/tcp-scanner.ts';
import { createPty, type Pty, until } from '../support/pty.ts';

let pty: Pty;
let scanner: Scanner | undefined;
let states: ScannerState[];
let server: Server | undefined;

beforeEach(() => {
  pty = createPty();
  states = [];
});
afterEach(async () => {
  await scanner?.stop();
  server?.close();
  await pty.remove();
});

const events = {
  scan: () => undefined,
  state: (state: ScannerState) => void states.push(state),
  overflow: () => undefined,
};

it('opens a device in a folder that is written to without a pause', async () => {
  scanner = openSerial(join(pty.folder, 'scanner'), deviceSettings.parse({}), events);
  scanner.start();
  await until(() => states.at(-1)?.state === 'waiting', 'the absence to be told');
  let count = 0;
  const writing = setInterval(() => writeFileSync(join(pty.folder, `busy-${count++ % 5}`), 'x'), 5);
  try {
    await pty.plug();
    await until(() => states.at(-1)?.state === 'open', 'the line to open', 4_000);
  } finally {
    clearInterval(writing);
  }
});

it('leaves a server in peace that takes connections and closes them at once', async () => {
  let connections = 0;
  server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  scanner = openTcp(`tcp://127.0.0.1:${port}`, deviceSettings.parse({}), events);
  scanner.start();
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  // After a quarter and half a second once a second, not four times.
  expect(connections).toBeGreaterThan(1);
  expect(connections).toBeLessThanOrEqual(6);
});
