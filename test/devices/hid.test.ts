import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseDescriptor } from '../../src/devices/hid/descriptor.ts';
import { libraryFault } from '../../src/devices/hid/library.ts';
import { layoutsOf, PosReader } from '../../src/devices/hid/pos.ts';
import { hidOver } from '../../src/devices/hid/scanner.ts';
import type { Scanner, ScannerState } from '../../src/devices/scanner.ts';
import { deviceSettings } from '../../src/devices/settings.ts';
import { keyLayoutOf, keysIn } from '../../src/devices/wedge/layout.ts';
import { boot, keyboardDescriptor, posDescriptor, posReports } from '../support/hid-reports.ts';
import { until } from '../support/pty.ts';
import { type FakeHid, FakeMachine, posScanner } from '../support/scanner-benches.ts';

let machine: FakeMachine;
let scanner: Scanner | undefined;
let scans: string[];
let states: ScannerState[];

beforeEach(() => {
  machine = new FakeMachine();
  scans = [];
  states = [];
});
afterEach(async () => {
  await scanner?.stop();
  scanner = undefined;
  machine.remove();
});

function start(path: string): void {
  scanner = hidOver(machine.wire())(path, deviceSettings.parse({}), {
    scan: (text) => scans.push(text),
    state: (state) => states.push(state),
    overflow: () => undefined,
  });
  scanner.start();
}

const told = (code: string) => until(() => states.at(-1)?.code === code, `${code}, not ${states.at(-1)?.code}`);
const opened = () => until(() => states.at(-1)?.state === 'open', 'the node to open');
const honeywell: FakeHid = { ...posScanner, usb: [0x0c2e, 0x0901], serial: '', descriptor: undefined, port: '1-2:1.0' };

describe('a HID POS scanner', () => {
  it('is read by the usual layout where its descriptor cannot be, and told to begin where its maker wants that', async () => {
    const node = machine.plug(honeywell);
    start('0C2E:0901');
    await opened();
    const handle = machine.handles.get(node)!;
    expect(handle.features).toEqual([[254, 1]]);
    for (const report of posReports(`]Q1${'x'.repeat(130)}`)) handle.report(report);
    expect(scans).toEqual([`]Q1${'x'.repeat(130)}`]);
  });

  it('is also named by its node', async () => {
    const node = machine.plug(posScanner);
    start(`${machine.dev}/${node}`);
    await opened();
  });

  it('is refused while two have its name, and opened once one is gone', async () => {
    machine.plug(posScanner);
    const other = machine.plug({ ...posScanner, port: '1-2:1.0' });
    start('05e0:1300');
    await told('DEVICE_AMBIGUOUS');
    expect(states.at(-1)?.message).toContain('(serial S1)');
    machine.unplug(other);
    await opened();
  });

  it('is told apart by its serial number', async () => {
    machine.plug(posScanner);
    const other = machine.plug({ ...posScanner, serial: 'S2', port: '1-2:1.0' });
    start('05e0:1300:S2');
    await opened();
    expect([...machine.handles.keys()]).toEqual([other]);
  });

  it('that is a keyboard is told how to be none', async () => {
    machine.plug({ ...posScanner, descriptor: keyboardDescriptor });
    start('05e0:1300');
    await told('DEVICE_WRONG_MODE');
    expect(states.at(-1)?.message).toContain('HID POS');
  });

  it('is read by one alone, by whichever name, and by the next once that lets go', async () => {
    const node = machine.plug(posScanner);
    start('05e0:1300');
    await opened();
    const first = scanner!;
    start(`${machine.dev}/${node}`);
    await told('DEVICE_BUSY');
    expect(states.at(-1)?.message).toMatch(/Another daemon or device host .*hidraw0\. Stop one of them\./);
    await first.stop();
    await opened();
  });

  it('is taken from among the parts of a composite device', async () => {
    machine.plug({ ...posScanner, descriptor: keyboardDescriptor });
    const node = machine.plug({ ...posScanner, port: '1-1:1.1' });
    start('05e0:1300');
    await opened();
    expect([...machine.handles.keys()]).toEqual([node]);
  });
});

it('a library that is missing is a sentence that says what to install', () => {
  const error = Object.assign(new Error('libusb-1.0.so.0: cannot open shared object file'), {
    code: 'ERR_DLOPEN_FAILED',
  });
  expect(libraryFault(error)?.reason).toEqual({
    code: 'DEVICE_LIBRARY',
    message: expect.stringMatching(/libusb-1\.0\.so\.0.*apt install libudev1 libusb-1\.0-0/),
  });
  expect(libraryFault(new Error('cannot open device'))).toBeUndefined();
});

it('a code that never ends is dropped when it does, and the next one is read', () => {
  const codes: string[] = [];
  let overflows = 0;
  const reader = new PosReader(layoutsOf(parseDescriptor(posDescriptor)), {
    code: (bytes) => codes.push(Buffer.from(bytes).toString()),
    overflow: () => {
      overflows += 1;
    },
  });
  const [unending] = posReports('x'.repeat(60));
  const [last] = posReports('END');
  for (let index = 0; index < 500; index += 1) reader.push(unending!);
  reader.push(last!);
  expect([codes, overflows]).toEqual([[], 1]);
  reader.push(last!);
  expect(codes).toEqual(['END']);
});

describe('a report descriptor', () => {
  it('says where the parts of a code are', () => {
    const [layout, ...others] = layoutsOf(parseDescriptor(posDescriptor));
    expect(others).toEqual([]);
    expect(layout).toMatchObject({
      report: 2,
      length: { offset: 0, size: 8 },
      symbology: [{ offset: 8 }, { offset: 16 }, { offset: 24 }],
      continued: { offset: 62 * 8, size: 1 },
    });
    expect(layout?.data.map(({ offset }) => offset / 8)).toEqual(Array.from({ length: 56 }, (_, index) => index + 4));
  });

  it('says where the keys are, also behind a report number', () => {
    const plain = keyLayoutOf(parseDescriptor(keyboardDescriptor));
    expect(keysIn(boot(0x02, 0x04, 0x05), plain)).toEqual({ modifiers: 2, keys: [4, 5] });
    const numbered = Uint8Array.from([...keyboardDescriptor.slice(0, 6), 0x85, 0x07, ...keyboardDescriptor.slice(6)]);
    const layout = keyLayoutOf(parseDescriptor(numbered));
    expect(keysIn(Uint8Array.from([7, ...boot(0x40, 0x14)]), layout)).toEqual({ modifiers: 0x40, keys: [0x14] });
    expect(keysIn(Uint8Array.from([3, 1, 0]), layout)).toBeUndefined();
  });

  it('of any bytes is read in time and memory, and so is any report', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.uint8Array({ maxLength: 70 }), (bytes, report) => {
        const descriptor = parseDescriptor(bytes);
        const reader = new PosReader(layoutsOf(descriptor), { code: () => undefined, overflow: () => undefined });
        reader.push(report);
        keysIn(report, keyLayoutOf(descriptor));
      }),
    );
    // Two thousand million fields of one bit.
    const huge = Uint8Array.from([0x05, 0x8c, 0x09, 0xfe, 0x75, 0x08, 0x97, 0xff, 0xff, 0xff, 0x7f, 0x81, 0x02]);
    expect(parseDescriptor(huge).fields.length).toBeLessThanOrEqual(16_384);
  });
});
