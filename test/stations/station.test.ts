import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Invalid, Unavailable } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { openSerial } from '../../src/devices/serial-scanner.ts';
import type { SpooledScan } from '../../src/stations/spool.ts';
import { type Device, type RecordScan, Station } from '../../src/stations/station.ts';
import { StationSupervisor } from '../../src/stations/supervisor.ts';
import { createPty, type Pty, until } from '../support/pty.ts';

let pty: Pty;
let folder: string;
let station: Station | undefined;
const recorded: string[] = [];
const record: RecordScan = async ({ raw_value }) => {
  recorded.push(raw_value);
  return { status: 'validated', asset: null };
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
    startStation(async (scan) => {
      if (away) throw new Unavailable('away');
      ids.add(scan.client_event_id);
      return record(scan);
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
    startStation(async (scan) => {
      if (scan.raw_value === 'BAD') throw new Invalid({ raw_value: ['no'] });
      return record(scan);
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
    expect(supervisor.health().devices.map(({ id }) => id)).toEqual([1]);
    listing = () => Promise.reject(new Unavailable('away'));
    await supervisor.refresh();
    expect(supervisor.health().devices.map(({ id }) => id)).toEqual([1]);
    await supervisor.stop();
    expect(existsSync(spoolFile())).toBe(true);
  });
});
