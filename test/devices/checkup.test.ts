import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deniedScanners, faultOf } from '../../src/devices/checkup.ts';
import { listHid } from '../../src/devices/hid/nodes.ts';
import { hidPorts } from '../../src/devices/ports.ts';
import { twinsOf } from '../../src/devices/twins.ts';
import { keyboardDescriptor } from '../support/hid-reports.ts';
import { FakeMachine, posScanner } from '../support/scanner-benches.ts';

let machine: FakeMachine;
beforeEach(() => {
  machine = new FakeMachine();
});
afterEach(() => machine.remove());

const keyboard = {
  ...posScanner,
  name: 'Wedge',
  usb: [0x05e0, 0x1200] as [number, number],
  descriptor: keyboardDescriptor,
  port: '1-3:1.0',
};

describe('what is plugged in', () => {
  it('is listed with the kind and the name to use, and mice are not', () => {
    machine.plug(posScanner);
    machine.plug(keyboard);
    machine.plug({ ...keyboard, serial: '', descriptor: Uint8Array.from([0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0xc0]) });
    expect(hidPorts(listHid(machine)).map(({ kind, path, manufacturer }) => [kind, path, manufacturer])).toEqual([
      ['hid', '05e0:1300:S1', 'Acme POS'],
      ['wedge', '05e0:1200:S1', 'Wedge'],
    ]);
  });

  it('is denied where the node cannot be opened', () => {
    const node = machine.plug(posScanner);
    expect(deniedScanners(listHid(machine))).toEqual([]);
    // Root may open whatever is there, so it is the node itself that is away.
    rmSync(join(machine.dev, node));
    expect(deniedScanners(listHid(machine))).toEqual([expect.stringMatching(/Acme POS.*70-assetra\.rules/)]);
  });
});

describe('a scanner that is set up', () => {
  it.each([
    ['serial', '/dev/serial/by-id/none', /not plugged in/],
    ['tcp', 'tcp://127.0.0.1:1', undefined],
  ] as const)('of kind %s at %s', async (kind, path, fault) => {
    const found = await faultOf({ kind, path }, machine);
    if (fault) expect(found).toMatch(fault);
    else expect(found).toBeUndefined();
  });

  it.each([
    ['hid', '05e0:1300', /not plugged in/, []],
    ['hid', '05e0:1200', /not in the mode HID POS/, [keyboard]],
    ['hid', '05e0:1300', /identity of 2 devices/, [posScanner, { ...posScanner, port: '1-9:1.0' }]],
    ['wedge', '05e0:1200', /types on the console/, [keyboard]],
    ['wedge', '05e0:1300', /not in keyboard mode/, [posScanner]],
    ['wedge', '05e0:1200', /unless the daemon has taken it over/, []],
  ] as const)('of kind %s at %s is told %s', async (kind, path, words, plugged) => {
    for (const one of plugged) machine.plug({ ...one });
    expect(await faultOf({ kind, path }, machine, async () => undefined)).toMatch(words);
  });
});

it('a library that is missing comes before all that it would find', async () => {
  machine.plug(posScanner);
  const library = async () => 'Install it.';
  expect(await faultOf({ kind: 'hid', path: '05e0:1300' }, machine, library)).toBe('Install it.');
  expect(await faultOf({ kind: 'hid', path: '05e0:1300' }, machine, async () => undefined)).toBeUndefined();
});

describe('two serial ports with one identity', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'assetra-tty-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function plug(tty: string, port: string, serial: string): string {
    const device = join(folder, 'devices', port);
    const inside = join(device, `${port}:1.0`);
    mkdirSync(inside, { recursive: true });
    for (const [name, value] of Object.entries({ idVendor: '1a86', idProduct: '7523', serial }))
      writeFileSync(join(device, name), `${value}\n`);
    mkdirSync(join(folder, 'sys', tty), { recursive: true });
    symlinkSync(inside, join(folder, 'sys', tty, 'device'));
    writeFileSync(join(folder, tty), '');
    return join(folder, tty);
  }

  it('are told of each other, and those with their own are not', () => {
    const one = plug('ttyUSB0', '1-1', '');
    plug('ttyUSB1', '1-2', '');
    const own = plug('ttyACM0', '1-3', 'S9');
    const sys = join(folder, 'sys');
    expect(twinsOf(one, sys)).toEqual(['/dev/ttyUSB1']);
    expect(twinsOf(own, sys)).toEqual([]);
    expect(twinsOf('/dev/none', sys)).toEqual([]);
  });

  it('are not two interfaces of one device', () => {
    const one = plug('ttyACM0', '1-1', '');
    mkdirSync(join(folder, 'devices/1-1/1-1:1.2'));
    mkdirSync(join(folder, 'sys/ttyACM1'));
    symlinkSync(join(folder, 'devices/1-1/1-1:1.2'), join(folder, 'sys/ttyACM1/device'));
    expect(twinsOf(one, join(folder, 'sys'))).toEqual([]);
  });
});
