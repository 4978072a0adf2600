/** The built drivers against devices of the kernel. Says a line for each check; exit code 1 when one fails. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

const dist = join(import.meta.dirname, '../../dist/src/devices');
const { openHid } = await import(join(dist, 'hid/scanner.js'));
const { openSerial } = await import(join(dist, 'serial-scanner.js'));
const { openWedge } = await import(join(dist, 'wedge/scanner.js'));
const { deviceSettings } = await import(join(dist, 'settings.js'));
const { listPorts } = await import(join(dist, 'ports.js'));

/** As in test/support/hid-reports.ts, which is not built. */
const posDescriptor = Buffer.from(
  '058c0902a101' +
    '0912a1028502' +
    '150026ff0075089501' +
    '0501093b8102' +
    '058c09fb09fc09fd95038102' +
    '09fe9538820201' +
    '95028103' +
    '09ff7501950125018102' +
    '75078103' +
    'c0c0',
  'hex',
);
const keyboardDescriptor = Buffer.from(
  '05010906a101' +
    '050719e029e71500250175019508' +
    '8102' +
    '950175088101' +
    '95057501050819012905910295017503' +
    '9101' +
    '95067508150025650507190029658100' +
    'c0',
  'hex',
);

let failures = 0;
const check = (name, ok, detail = '') => {
  if (!ok) failures += 1;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name} ${detail}`);
};
const until = async (condition, patience = 20_000) => {
  const end = Date.now() + patience;
  while (!condition() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
  return condition();
};

function start(open, path) {
  const seen = { scans: [], states: [] };
  const events = {
    scan: (text) => seen.scans.push(text),
    state: (state) => seen.states.push(state),
    overflow: () => undefined,
  };
  seen.scanner = open(path, deviceSettings.parse({ duplicate_window_ms: 0 }), events);
  seen.scanner.start();
  seen.is = (state) => () => seen.states.at(-1)?.state === state;
  return seen;
}

/** UHID_CREATE2: struct uhid_event of 4,376 bytes. */
function plugPos() {
  const event = Buffer.alloc(4_376);
  event.writeUInt32LE(11, 0);
  event.write('Assetra POS', 4);
  event.write('POS-1', 4 + 128 + 64);
  event.writeUInt16LE(posDescriptor.length, 260);
  event.writeUInt16LE(3, 262);
  event.writeUInt32LE(0x05e0, 264);
  event.writeUInt32LE(0x1300, 268);
  posDescriptor.copy(event, 280);
  const fd = openSync('/dev/uhid', 'r+');
  writeSync(fd, event);
  return fd;
}

function report(fd, aim, text) {
  for (let at = 0; at === 0 || at < text.length; at += 56) {
    const part = text.slice(at, at + 56);
    const bytes = Buffer.alloc(64);
    bytes.set([2, part.length]);
    bytes.write(aim, 2);
    bytes.write(part, 5, 'latin1');
    bytes[63] = at + 56 < text.length ? 1 : 0;
    const event = Buffer.alloc(4_376);
    event.writeUInt32LE(12, 0);
    event.writeUInt16LE(64, 4);
    bytes.copy(event, 6);
    writeSync(fd, event);
  }
}

async function hidPos() {
  const seen = start(openHid, '05e0:1300:POS-1');
  check('HID POS: absent at start is a state', await until(seen.is('waiting')), seen.states.at(-1)?.code);
  let fd = plugPos();
  check('HID POS: opens on plug-in', await until(seen.is('open')), JSON.stringify(seen.states.at(-1)));
  report(fd, ']C1', '010952123454321310AB\u001d21C');
  report(fd, ']Q1', 'x'.repeat(130));
  await until(() => seen.scans.length === 2);
  check(
    'HID POS: AIM, GS and a code of three reports',
    seen.scans[0] === ']C1010952123454321310AB\u001d21C' && seen.scans[1] === `]Q1${'x'.repeat(130)}`,
    JSON.stringify(seen.scans),
  );
  for (let index = 0; index < 200; index += 1) report(fd, ']C0', `BURST-${index}`);
  await until(() => seen.scans.length === 202);
  check(
    'HID POS: 200 in a burst',
    seen.scans.slice(2).every((text, index) => text === `]C0BURST-${index}`) && seen.scans.length === 202,
    seen.scans.length,
  );
  closeSync(fd);
  check('HID POS: unplug is a state', await until(seen.is('waiting')), seen.states.at(-1)?.message);
  fd = plugPos();
  check('HID POS: opens again', await until(seen.is('open')));
  report(fd, ']C0', 'AFTER');
  check('HID POS: reads again', await until(() => seen.scans.at(-1) === ']C0AFTER'));
  const ports = await listPorts();
  check(
    'devices list shows it',
    ports.some(({ path, kind }) => path === '05e0:1300:POS-1' && kind === 'hid'),
    JSON.stringify(ports.map(({ path }) => path)),
  );
  await seen.scanner.stop();
  closeSync(fd);
}

const gadget = '/sys/kernel/config/usb_gadget/g1';
const put = (path, value) => writeFileSync(join(gadget, path), value);
function makeGadget() {
  for (const path of ['', 'strings/0x409', 'configs/c.1', 'functions/acm.0', 'functions/hid.0'])
    mkdirSync(join(gadget, path), { recursive: true });
  put('idVendor', '0x05e0');
  put('idProduct', '0x1200');
  put('strings/0x409/serialnumber', 'G-1');
  put('strings/0x409/manufacturer', 'Assetra');
  put('strings/0x409/product', 'Scanner');
  put('functions/hid.0/protocol', '1');
  put('functions/hid.0/subclass', '1');
  put('functions/hid.0/report_length', '8');
  put('functions/hid.0/report_desc', keyboardDescriptor);
  for (const name of ['acm.0', 'hid.0'])
    symlinkSync(join(gadget, 'functions', name), join(gadget, 'configs/c.1', name));
}
const plugGadget = () => put('UDC', readdirSync('/sys/class/udc')[0]);
const unplugGadget = () => put('UDC', '\n');
const settle = () => execFileSync('udevadm', ['settle']);
const keyboards = () => readFileSync('/proc/bus/input/devices', 'utf8').split('Scanner').length - 1;

async function serial() {
  const path = '/dev/serial/by-id/usb-Assetra_Scanner_G-1-if00';
  const seen = start(openSerial, path);
  check('CDC: absent at start is a state', await until(seen.is('waiting')), seen.states.at(-1)?.code);
  plugGadget();
  check('CDC: opens by its by-id name on plug-in', await until(seen.is('open')), JSON.stringify(seen.states.at(-1)));
  const type = (text) => writeFileSync('/dev/ttyGS0', text);
  type(']C1A\u001dB\r\nSECOND\r\n');
  check('CDC: reads', await until(() => seen.scans.length === 2), JSON.stringify(seen.scans));
  type('HALF');
  await new Promise((resolve) => setTimeout(resolve, 300));
  unplugGadget();
  check('CDC: unplug is a state', await until(seen.is('waiting')), seen.states.at(-1)?.message);
  plugGadget();
  check('CDC: opens again', await until(seen.is('open')));
  type('AFTER\r');
  check(
    'CDC: reads again, without half a code',
    await until(() => seen.scans.at(-1) === 'AFTER'),
    JSON.stringify(seen.scans),
  );
  await seen.scanner.stop();
}

async function wedge() {
  settle();
  const before = keyboards();
  const seen = start(openWedge, '05e0:1200');
  // A process of its own takes long to start on a machine that is emulated.
  check('wedge: is taken over', await until(seen.is('open'), 90_000), JSON.stringify(seen.states.at(-1)));
  check(
    'wedge: is no keyboard of the system any more',
    before > 0 && (await until(() => keyboards() === 0)),
    `${before} -> ${keyboards()}`,
  );
  const fd = openSync('/dev/hidg0', 'r+');
  for (const [modifiers, key] of [
    [2, 4],
    [0, 0x2d],
    [0, 0x1e],
    [0, 0x28],
  ]) {
    writeSync(fd, Buffer.from([modifiers, 0, key, 0, 0, 0, 0, 0]));
    writeSync(fd, Buffer.alloc(8));
  }
  check('wedge: keys are a code', await until(() => seen.scans.at(-1) === 'A-1'), JSON.stringify(seen.scans));
  closeSync(fd);
  await seen.scanner.stop();
  check('wedge: is given back', await until(() => keyboards() === before), `${keyboards()}`);
}

makeGadget();
for (const part of [hidPos, serial, wedge]) await part().catch((error) => check(part.name, false, error.stack));
process.exit(failures === 0 ? 0 : 1);
