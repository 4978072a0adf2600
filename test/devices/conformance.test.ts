/** Every driver against the same expectations. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { maxLength } from '../../src/devices/reading.ts';
import type { Scanner, ScannerState } from '../../src/devices/scanner.ts';
import { deviceSettings } from '../../src/devices/settings.ts';
import { until } from '../support/pty.ts';
import { type Bench, benches, endsOnce } from '../support/scanner-benches.ts';

describe.each(Object.keys(benches))('a scanner by %s', (kind) => {
  let bench: Bench;
  let scanner: Scanner;
  let scans: string[];
  let states: ScannerState[];
  let overflows: number;

  const start = (settings: object = {}) => {
    const events = {
      scan: (text: string) => scans.push(text),
      state: (state: ScannerState) => states.push(state),
      overflow: () => {
        overflows += 1;
      },
    };
    scanner = bench.open(bench.path, deviceSettings.parse({ duplicate_window_ms: 0, ...settings }), events);
    scanner.start();
  };
  const isIn = (state: ScannerState['state']) => () => states.at(-1)?.state === state;
  const opened = () => until(isIn('open'), 'the line to open');
  const scanned = (count: number, patience?: number) =>
    until(() => scans.length >= count, `${count} scans, not ${scans.length}`, patience);

  beforeEach(async () => {
    bench = await benches[kind]!();
    scans = [];
    states = [];
    overflows = 0;
  });
  afterEach(async () => {
    await scanner.stop();
    await bench.remove();
  });

  it('reads codes in order, with AIM identifier and GS', async () => {
    await bench.plug();
    start();
    await opened();
    await bench.type(']C1010952123454321310AB\u001d21C', 'A-1', 'a b_c:D');
    await scanned(3);
    expect(scans).toEqual([']C1010952123454321310AB\u001d21C', 'A-1', 'a b_c:D']);
  });

  it('cuts prefix, suffix and AIM identifier, and puts GS for its substitute', async () => {
    await bench.plug();
    start({ prefix: '>', suffix: '#', gs_substitute: '|', aim: 'strip' });
    await opened();
    await bench.type(']C1>10AB|21C#');
    await scanned(1);
    expect(scans).toEqual(['10AB\u001d21C']);
  });

  it('loses none of two hundred in a burst, and keeps a code of 130 characters whole', async () => {
    await bench.plug();
    start();
    await opened();
    const codes = Array.from({ length: 200 }, (_, index) => `B-${index}-${'x'.repeat(index === 100 ? 125 : 4)}`);
    await bench.type(...codes);
    await scanned(200);
    expect(scans).toEqual(codes);
  });

  it('takes the same code at once for one scan', async () => {
    await bench.plug();
    start({ duplicate_window_ms: 60_000 });
    await opened();
    await bench.type('A', 'A', 'B', 'A');
    await scanned(3);
    expect(scans).toEqual(['A', 'B', 'A']);
  });

  it('drops what is longer than any symbol, and reads the next', async () => {
    await bench.plug();
    start();
    await opened();
    await bench.type('9'.repeat(maxLength + 60));
    await bench.type('NEXT');
    await scanned(1);
    expect([scans, overflows]).toEqual([['NEXT'], 1]);
  });

  it('says nothing more once it is stopped', async () => {
    await bench.plug();
    start();
    await opened();
    await scanner.stop();
    const told = states.length;
    expect(states.at(-1)).toEqual({ state: 'stopped' });
    await bench.unplug();
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(states).toHaveLength(told);
  });

  it.skipIf(endsOnce(kind))('is a state when it is absent, and opens soon after it came', async () => {
    start();
    await until(isIn('waiting'), 'the absence to be told');
    expect(states.at(-1)).toMatchObject({ code: 'DEVICE_MISSING', message: expect.stringMatching(/\.$/) });
    await until(() => states.length >= 3, 'the second and third attempt');
    await bench.plug();
    const plugged = performance.now();
    await opened();
    expect(performance.now() - plugged).toBeLessThan(8_000);
    await bench.type('LATE');
    await scanned(1);
  });

  it.skipIf(endsOnce(kind))('goes on after each unplug and replug, without half a code', async () => {
    start();
    for (let round = 1; round <= 3; round += 1) {
      await bench.plug();
      await opened();
      await bench.type(`WHOLE-${round}`);
      await scanned(round);
      await bench.typePart('HALF');
      await bench.unplug();
      await until(isIn('waiting'), 'the loss to be told');
    }
    expect(scans).toEqual(['WHOLE-1', 'WHOLE-2', 'WHOLE-3']);
    expect(states.at(-1)).toMatchObject({ code: 'DEVICE_MISSING' });
  });

  it.runIf(endsOnce(kind))('says so when nothing more will come, and takes the last line for whole', async () => {
    start();
    await opened();
    await bench.type('A');
    await bench.typePart('LAST');
    await bench.unplug();
    await until(isIn('ended'), 'the end');
    expect(scans).toEqual(['A', 'LAST']);
  });
});
