/** The tools of test/support/faults do what the tests beside this one rely on. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../../src/db/database.ts';
import { ensureBuilt, spawned } from '../cli/spawn.ts';
import { Clock } from '../support/faults/clock.ts';
import { balance, balanced } from '../support/faults/ledger.ts';
import { DatabaseProxy } from '../support/faults/proxy.ts';
import { noSmallDisk, SmallDisk } from '../support/faults/small-disk.ts';
import { isProper, Stage } from '../support/faults/stage.ts';
import { until } from '../support/pty.ts';

describe('a daemon and its writers', () => {
  let stage: Stage;
  beforeAll(async () => {
    ensureBuilt();
    stage = new Stage();
    await stage.start();
  }, 300_000);
  afterAll(() => stage?.stop());

  it('freezes, thaws, is killed and comes back on its port', async () => {
    const { daemon, writers } = stage;
    await stage.flowing();
    const { address, pid } = daemon;
    daemon.freeze();
    await until(() => /^State:\s*T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')), 'the process to stand still');
    daemon.thaw();
    await stage.flowing();
    await daemon.kill();
    expect(daemon.running).toBe(false);
    await until(() => writers.cutOff.length >= 16, 'every writer to be cut off');
    await daemon.start();
    expect([daemon.address, daemon.pid === pid]).toEqual([address, false]);
    await stage.flowing();
    await stage.expectNothingLost();
  }, 120_000);

  it('are out of balance when a scan is lost, doubled by its history or nobody sent it', async () => {
    const { writers, config } = stage;
    const [event, id] = [...writers.answered][0]!;
    const database = new Database(config);
    await database.execute("UPDATE scan_events SET client_event_id = 'x' WHERE id = ?", [id]);
    const [row] = await database.query(
      "SELECT * FROM asset_state_history WHERE event_type = 'scan' ORDER BY id LIMIT 1",
    );
    const { id: _, ...record } = row as Record<string, string | number | null>;
    await database.insert('asset_state_history', record);
    await database.close();
    const found = await balance(config, writers);
    expect([found.lost, found.foreign, found.unwritten.length]).toEqual([[event], ['x'], 1]);
    expect(found).not.toEqual(balanced);
  });

  it('take no 500 and no 503 without Retry-After for a proper refusal', () => {
    const proper = { status: 503, retryAfter: '5', type: 'application/json', body: '{"detail":"Away."}' };
    expect(isProper(proper)).toBe(true);
    for (const fault of [{ status: 500 }, { retryAfter: undefined }, { body: '{}' }, { type: 'text/plain' }])
      expect(isProper({ ...proper, ...fault })).toBe(false);
  });
});

describe('the proxy', () => {
  let echo: Server;
  let proxy: DatabaseProxy;
  const arrived: string[] = [];
  const sockets: Socket[] = [];
  beforeAll(async () => {
    echo = createServer((socket) => {
      socket
        .on('error', () => undefined)
        .on('data', (chunk) => {
          arrived.push(chunk.toString());
          socket.write(chunk);
        });
    });
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    proxy = await new DatabaseProxy({ host: '127.0.0.1', port: (echo.address() as { port: number }).port }).start();
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    arrived.length = 0;
    await proxy.pass();
  });
  afterAll(async () => {
    await proxy.stop();
    await new Promise((resolve) => echo.close(resolve));
  });

  /** A caller that keeps what it hears. */
  function caller() {
    const socket = connect(proxy.port, '127.0.0.1');
    sockets.push(socket);
    const heard = { text: '', error: '', closed: false };
    socket.setEncoding('utf8').on('data', (text) => {
      heard.text += text;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      heard.error = error.code ?? '';
    });
    socket.on('close', () => {
      heard.closed = true;
    });
    return { socket, heard };
  }

  it('passes what is sent, either way', async () => {
    const { socket, heard } = caller();
    socket.write('one');
    await until(() => heard.text === 'one', 'the echo');
  });

  it('is slow by the latency each way, and keeps the order', async () => {
    proxy.slow(100);
    const { socket, heard } = caller();
    const sent = performance.now();
    socket.write('one');
    setTimeout(() => socket.write('two'), 20);
    await until(() => heard.text === 'onetwo', 'both echoes');
    expect(performance.now() - sent).toBeGreaterThan(190);
  });

  it('cuts and refuses, until it passes again on the same port', async () => {
    const { socket, heard } = caller();
    socket.write('one');
    await until(() => heard.text === 'one', 'the echo');
    await proxy.cut();
    await until(() => heard.closed, 'the connection to end');
    const refused = caller();
    await until(() => refused.heard.error === 'ECONNREFUSED', 'the refusal');
    await proxy.pass();
    const again = caller();
    again.socket.write('two');
    await until(() => again.heard.text === 'two', 'the echo');
  });

  it('swallows as a black hole, and ends what lost its bytes when it passes again', async () => {
    const old = caller();
    old.socket.write('one');
    await until(() => old.heard.text === 'one', 'the echo');
    proxy.blackhole();
    const late = caller();
    old.socket.write('two');
    late.socket.write('three');
    await until(() => proxy.connections === 2, 'the second connection');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([old.heard, late.heard, arrived]).toEqual([
      { text: 'one', error: '', closed: false },
      { text: '', error: '', closed: false },
      ['one'],
    ]);
    await proxy.pass();
    await until(() => old.heard.closed && late.heard.closed, 'both to end');
  });
});

const withoutDisk = noSmallDisk();
describe.skipIf(withoutDisk)(`a small disk${withoutDisk ? ` (skipped: ${withoutDisk})` : ''}`, () => {
  it('is filled to the brim, freed, read-only and gone', () => {
    const disk = new SmallDisk(2).start();
    const file = join(disk.folder, 'file');
    disk.fill();
    expect(disk.room).toBe(0);
    expect(() => writeFileSync(file, 'x')).toThrow('ENOSPC');
    disk.free();
    writeFileSync(file, 'x');
    disk.readOnly(true);
    expect(() => writeFileSync(file, 'y')).toThrow('EROFS');
    disk.readOnly(false);
    writeFileSync(file, 'z');
    disk.stop();
    expect(existsSync(disk.folder)).toBe(false);
  });
});

it('the clock moves while a process runs, and leaves its timers alone', async () => {
  const clock = new Clock().start();
  const folder = mkdtempSync(join(tmpdir(), 'assetra-clocked-'));
  const script = join(folder, 'script.mjs');
  writeFileSync(
    script,
    `import { renameSync, writeFileSync } from 'node:fs';
     const read = () => [Date.now(), new Date().getTime(), Date.parse(Date()), new Date(5).getTime(), new Date() instanceof Date];
     const before = read(), ticks = performance.now();
     writeFileSync(process.env.TEST_CLOCK_FILE, '172800000');
     await new Promise((resolve) => setTimeout(resolve, 100));
     console.log(JSON.stringify({ before, after: read(), ticks: performance.now() - ticks }));`,
  );
  const { stdout, stderr } = await spawned(process.execPath, [script], { env: clock.env });
  rmSync(folder, { recursive: true });
  clock.stop();
  const { before, after, ticks } = JSON.parse(stdout || stderr);
  for (const index of [0, 1, 2]) expect(Math.round((after[index] - before[index]) / 60_000)).toBe(2_880);
  expect([before[3], after[3], before[4], after[4]]).toEqual([5, 5, true, true]);
  expect(ticks).toBeLessThan(30_000);
});
