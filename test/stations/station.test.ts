import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Invalid, Unavailable } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { openSerial } from '../../src/devices/serial-scanner.ts';
import { openTcp } from '../../src/devices/tcp-scanner.ts';
import type { RecordScans } from '../../src/stations/answer.ts';
import type { SpooledScan } from '../../src/stations/spool.ts';
import { type Device, Station } from '../../src/stations/station.ts';
import { StationSupervisor } from '../../src/stations/supervisor.ts';
import { createPty, type Pty, until } from '../support/pty.ts';

let pty: Pty;
let folder: string;
let station: Station | undefined;
const recorded: string[] = [];
const record: RecordScans = async (scans) => {
  recorded.push(...scans.map(({ raw_value }) => raw_value));
  return scans.map(() => ({ status: 'validated', asset: null }));
};

beforeEach(() => {
  pty = createPty();
  folder = mkdtempSync(join(tmpdir(), 'assetra-spool-'));
  recorded.length = 0;
});
afterEach(async () => {
  await station?.stop();
  station = undefined;
  await pty.remove();
  rmSync(folder, { recursive: true, force: true });
});

const device = (settings: object = {}, id = 1): Device => ({
  id,
  tenant: 1,
  name: `Dock ${id}`,
  kind: 'serial',
  path: pty.path,
  location: null,
  is_active: true,
  settings: { duplicate_window_ms: 0, ...settings },
  updated_at: '',
});

function startStation(recorder = record): Station {
  station = new Station(device(), openSerial, recorder, folder, silentLog);
  station.start();
  return station;
}

const isOpen = () => station?.health().state === 'open';
const spoolFile = () => join(folder, 'device-1.jsonl');

describe('a scanner on a line', () => {
  it('has its scans recorded', async () => {
    await pty.plug();
    startStation();
    await until(isOpen, 'the line to open');
    await pty.send(']C1A-1\u001dx\r\nA-2\r\n');
    await until(() => recorded.length === 2, 'two scans');
    expect(recorded).toEqual([']C1A-1\u001dx', 'A-2']);
    expect(station?.health()).toMatchObject({ scans: 2, waiting: 0, state: 'open' });
  });

  it('goes on by itself after unplug and replug', async () => {
    await pty.plug();
    startStation();
    await until(isOpen, 'the line to open');
    await pty.send('BEFORE\rHAL');
    await until(() => recorded.length === 1, 'the scan before');
    await pty.unplug();
    await until(() => station?.health().state === 'waiting', 'the loss to be noticed');
    expect(station?.health()).toMatchObject({ code: 'DEVICE_MISSING' });
    await pty.plug();
    await until(isOpen, 'the line to open again');
    await pty.send('AFTER\r');
    await until(() => recorded.length === 2, 'the scan after');
    expect(recorded).toEqual(['BEFORE', 'AFTER']);
  });

  it('is missed whenever it is pulled, also while it sends', async () => {
    for (let round = 1; round <= 25; round += 1) {
      await pty.plug();
      if (round === 1) startStation();
      await until(isOpen, `the line to open, round ${round}`);
      const sending = pty.send(`${'A'.repeat(round * 37)}\r`).catch(() => undefined);
      if (round % 2 === 0) await sending;
      await pty.unplug();
      await sending;
      await until(() => station?.health().state === 'waiting', `the loss to be noticed, round ${round}`);
    }
  }, 60_000);

  it('may come after the daemon', async () => {
    startStation();
    await until(() => station?.health().code === 'DEVICE_MISSING', 'the absence to be noticed');
    await pty.plug();
    await until(isOpen, 'the line to open');
    await pty.send('LATE\r');
    await until(() => recorded.length === 1, 'the scan');
  });

  it('says that another program has it, and opens when that lets go', async () => {
    await pty.plug();
    const rival = new Station(device({}, 2), openSerial, record, folder, silentLog);
    rival.start();
    await until(() => rival.health().state === 'open', 'the rival to open');
    startStation();
    await until(() => station?.health().code === 'DEVICE_BUSY', 'the lock to be noticed');
    await rival.stop();
    await until(isOpen, 'the line to open');
  });

  it('loses none of five hundred scans in a burst', async () => {
    await pty.plug();
    startStation();
    await until(isOpen, 'the line to open');
    const codes = Array.from({ length: 500 }, (_, index) => `BURST-${index}`);
    await pty.send(`${codes.join('\r')}\r`);
    await until(() => recorded.length === 500, 'all scans', 30_000);
    expect(recorded).toEqual(codes);
  });
});

describe('while scans cannot be recorded', () => {
  it('keeps them on disk in order, and records each once when it can', async () => {
    await pty.plug();
    let away = true;
    const ids = new Set<string>();
    startStation(async (scans, state) => {
      if (away) throw new Unavailable('away');
      for (const { client_event_id } of scans) ids.add(client_event_id);
      return record(scans, state);
    });
    await until(isOpen, 'the line to open');
    await pty.send('A\rB\rC\r');
    await until(() => station?.health().waiting === 3, 'three to wait');
    expect(readFileSync(spoolFile(), 'utf8').split('\n').filter(Boolean)).toHaveLength(3);
    away = false;
    await until(() => recorded.length === 3, 'the scans');
    expect([recorded, ids.size]).toEqual([['A', 'B', 'C'], 3]);
    await until(() => readFileSync(spoolFile(), 'utf8') === '', 'the spool to empty');
  });

  it('records after a crash what was on disk, and not the line that the crash cut', async () => {
    const scan = (raw_value: string): SpooledScan => ({
      client_event_id: `id-${raw_value}`,
      raw_value,
      captured_at: '2026-01-01T00:00:00.000Z',
    });
    mkdirSync(folder, { recursive: true });
    writeFileSync(spoolFile(), `${JSON.stringify(scan('ONE'))}\n${JSON.stringify(scan('TWO'))}\n`);
    appendFileSync(spoolFile(), '{"client_event_id":"id-THR');
    startStation();
    await until(() => recorded.length === 2, 'both scans');
    expect(recorded).toEqual(['ONE', 'TWO']);
  });

  it('puts a scan that can never be recorded aside, and goes on', async () => {
    await pty.plug();
    startStation(async (scans, state) => {
      if (scans.some(({ raw_value }) => raw_value === 'BAD')) throw new Invalid({ raw_value: ['no'] });
      return record(scans, state);
    });
    await until(isOpen, 'the line to open');
    await pty.send('BAD\rGOOD\r');
    await until(() => recorded.length === 1, 'the good scan');
    const aside = JSON.parse(readFileSync(`${spoolFile()}.quarantine`, 'utf8'));
    expect(aside).toMatchObject({ raw_value: 'BAD', reason: expect.stringContaining('no') });
    expect(station?.health()).toMatchObject({ quarantined: 1, waiting: 0 });
    await station?.stop();
    startStation();
    expect(station?.health().quarantined).toBe(1);
  });
});

describe('the answer to the scanner', () => {
  it('is sent back for it to beep by, as soon as the scan is recorded, and not for what is old', async () => {
    let heard = '';
    let socket: Socket | undefined;
    const server = createServer((client) => {
      socket = client.setEncoding('latin1');
      client.on('data', (bytes) => {
        heard += bytes;
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const old = { client_event_id: 'id-OLD', raw_value: 'OLD', captured_at: '2026-01-01T00:00:00.000Z' };
    writeFileSync(spoolFile(), `${JSON.stringify(old)}\n`);
    const sounds = { beep_known: '\x07', beep_unknown: '\x07\x07', beep_refused: '\x1b\xff' };
    const outcomes: Record<string, string> = { NONE: 'unknown', NO: 'refused' };
    station = new Station(
      { ...device(sounds), path: `tcp://127.0.0.1:${port}` },
      openTcp,
      async (scans) => {
        recorded.push(...scans.map(({ raw_value }) => raw_value));
        if (scans.some(({ raw_value }) => raw_value === 'FAULTY')) throw new Invalid({ raw_value: ['no'] });
        return scans.map(({ raw_value }) => ({
          status: 'validated',
          asset: 1,
          outcome: outcomes[raw_value] ?? 'recorded',
        }));
      },
      folder,
      silentLog,
    );
    station.start();
    await until(isOpen, 'the line to open');
    await until(() => recorded[0] === 'OLD', 'the old scan');
    for (const [code, sound] of [
      ['A-1', '\x07'],
      ['NONE', '\x07\x07'],
      ['NO', '\x1b\xff'],
      ['FAULTY', '\x1b\xff'],
    ] as const) {
      heard = '';
      socket!.write(`${code}\r`);
      await until(() => heard.length >= sound.length, `the answer to ${code}`);
      expect(heard).toBe(sound);
    }
    socket!.destroy();
    server.close();
  });
});

describe('the spool', () => {
  const line = (raw_value: string) =>
    JSON.stringify({ client_event_id: `id-${raw_value}`, raw_value, captured_at: '2026-01-01T00:00:00.000Z' });
  const quarantined = () => readFileSync(`${spoolFile()}.quarantine`, 'utf8').trim().split('\n');

  it('keeps aside lines that are no scans, and records the others', async () => {
    const odd = ['null', '{}', '"text"', '{"client_event_id":"1","raw_value":5}', '\0\0\0', '{"client_event_id":"id-C'];
    writeFileSync(spoolFile(), [line('ONE'), ...odd, line('TWO'), ''].join('\n'));
    startStation();
    await until(() => recorded.length === 2, 'both scans');
    expect(recorded).toEqual(['ONE', 'TWO']);
    expect(quarantined().map((text) => JSON.parse(text).line)).toEqual(odd);
    expect(station?.health().quarantined).toBe(odd.length);
  });

  it('that cannot put a refused scan aside keeps it, and lets the daemon live', async () => {
    writeFileSync(spoolFile(), `${line('BAD')}\n`);
    let asked = 0;
    startStation(async () => {
      asked += 1;
      if (asked === 1) mkdirSync(`${spoolFile()}.quarantine`);
      if (asked === 3) rmSync(`${spoolFile()}.quarantine`, { recursive: true });
      throw new Invalid({ raw_value: ['no'] });
    });
    await until(() => existsSync(`${spoolFile()}.quarantine`) && asked >= 3, 'further attempts');
    await until(() => station?.health().waiting === 0, 'the scan to be put aside');
    expect(JSON.parse(quarantined()[0]!)).toMatchObject({ raw_value: 'BAD' });
  });

  it('that can be written no more is read all the same, and stops in order', async () => {
    await pty.plug();
    writeFileSync(spoolFile(), `${line('ONE')}\n`);
    // Nothing can be put in place of the file.
    mkdirSync(`${spoolFile()}.new`);
    let away = true;
    startStation(async (scans, state) => {
      if (away) throw new Unavailable('away');
      return record(scans, state);
    });
    await until(isOpen, 'the line to open');
    await pty.send('TWO\r');
    await until(() => station?.health().waiting === 2, 'both to wait');
    await station!.stop();
    away = false;
    startStation();
    await until(() => recorded.length === 2, 'both scans');
    expect(recorded).toEqual(['ONE', 'TWO']);
  });

  it('remembers the mode that what waits is to meet, after a stop as after a crash', async () => {
    const state = {
      mode: 'check_in',
      member: null,
      member_name: '',
      place: null,
      place_name: '',
      at: '2026-01-01T00:00:00.000Z',
    };
    await pty.plug();
    let away = false;
    const met: unknown[] = [];
    const recorder: RecordScans = async (scans, before) => {
      if (away) throw new Unavailable('away');
      met.push([scans.map(({ raw_value }) => raw_value).join(), before]);
      return scans.map(() => ({ status: 'validated', asset: null, state: state as never }));
    };
    startStation(recorder);
    await until(isOpen, 'the line to open');
    await pty.send('CMD:CHECK-IN\r');
    await until(() => met.length === 1 && station?.waiting === 0, 'the command');
    away = true;
    await pty.send('A-1\r');
    await until(() => station?.waiting === 1, 'the scan to wait');
    const crashed = readFileSync(spoolFile(), 'utf8');
    await station!.stop();
    expect(readFileSync(spoolFile(), 'utf8').trim()).toBe(crashed.trim());
    away = false;
    startStation(recorder);
    await until(() => met.length === 2, 'the scan');
    expect(met).toEqual([
      ['CMD:CHECK-IN', null],
      ['A-1', state],
    ]);
  });

  it('with thousands of scans is recorded in order, and a faulty one stands alone', async () => {
    const codes = Array.from({ length: 3_000 }, (_, index) => `B-${index}`);
    writeFileSync(spoolFile(), codes.map((code) => `${line(code)}\n`).join(''));
    let calls = 0;
    startStation(async (scans, state) => {
      calls += 1;
      if (scans.some(({ raw_value }) => raw_value === 'B-1234')) throw new Invalid({ raw_value: ['no'] });
      return record(scans, state);
    });
    await until(() => station?.waiting === 0, 'all scans');
    expect(recorded).toEqual(codes.filter((code) => code !== 'B-1234'));
    expect(calls).toBeLessThan(60);
    expect(quarantined()).toHaveLength(1);
  });
});

describe('the supervisor', () => {
  it('starts, restarts and stops stations as the list of devices changes', async () => {
    await pty.plug();
    let devices: Device[] = [];
    const options = {
      listDevices: async () => devices,
      recorderFor: () => record,
      spoolFolder: folder,
      log: silentLog,
    };
    const supervisor = new StationSupervisor(options);
    await supervisor.start();
    expect(supervisor.health()).toEqual({ status: 'healthy', component: 'devices', devices: [] });
    devices = [device()];
    await supervisor.refresh();
    await until(() => supervisor.health().devices[0]?.state === 'open', 'the station to open');
    devices = [{ ...device({ prefix: '#' }) }];
    await supervisor.refresh();
    await until(() => supervisor.health().devices[0]?.state === 'open', 'the restarted station to open');
    await pty.send('#A-1\r');
    await until(() => recorded.length === 1, 'the scan');
    expect(recorded).toEqual(['A-1']);
    devices = [{ ...device(), is_active: false }];
    await supervisor.refresh();
    expect(supervisor.health().devices).toEqual([]);
    await supervisor.stop();
  });

  it('records what was read of a device that is set up no more, and then forgets it', async () => {
    await pty.plug();
    let devices = [device()];
    let away = true;
    const supervisor = new StationSupervisor({
      listDevices: async () => devices,
      recorderFor: () => async (scans, state) => {
        if (away) throw new Unavailable('away');
        return record(scans, state);
      },
      spoolFolder: folder,
      log: silentLog,
    });
    await supervisor.start();
    const health = () => supervisor.health().devices[0];
    await until(() => health()?.state === 'open', 'the station to open');
    await pty.send('LAST\r');
    await until(() => health()?.waiting === 1, 'the scan to wait');
    devices = [];
    await supervisor.refresh();
    expect(health()).toMatchObject({ state: 'stopped', waiting: 1 });
    await pty.send('LATER\r').catch(() => undefined);
    away = false;
    await until(() => recorded.length === 1, 'the scan');
    await supervisor.refresh();
    expect([supervisor.health().devices, recorded]).toEqual([[], ['LAST']]);
    await supervisor.stop();
  });

  it('keeps its stations while the list cannot be read, and starts the others beside a faulty device', async () => {
    await pty.plug();
    let listing = async () => [{ ...device({}, 7), settings: { baud_rate: 'fast' } }, device()];
    const supervisor = new StationSupervisor({
      listDevices: () => listing(),
      recorderFor: () => record,
      spoolFolder: folder,
      log: silentLog,
    });
    await supervisor.start();
    const ids = () => supervisor.health().devices.map(({ id }) => id);
    expect(ids()).toEqual([1, 7]);
    expect(supervisor.health().devices[1]).toMatchObject({
      code: 'DEVICE_FAILED',
      message: expect.stringMatching(/baud/),
    });
    listing = () => Promise.reject(new Unavailable('away'));
    await supervisor.refresh();
    expect(ids()).toEqual([1, 7]);
    await supervisor.stop();
    expect(existsSync(spoolFile())).toBe(true);
  });
});
