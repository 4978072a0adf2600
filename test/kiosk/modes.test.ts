/** What scans do on the screen's own keyboard and on the line beside it, with and without the server. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { describeInBrowser } from '../support/browser.ts';
import { KioskBench, type KioskScreen } from '../support/kiosk-bench.ts';

vi.setConfig({ testTimeout: 400_000 });

describeInBrowser('modes on a kiosk page', () => {
  let bench: KioskBench;
  let screen: KioskScreen;
  beforeAll(async () => {
    bench = await KioskBench.open();
  }, 300_000);
  afterAll(() => bench?.close());
  beforeEach(async () => {
    if (!bench.daemon.running) await bench.daemon.start();
    screen = await bench.screen();
  });
  afterEach(() => screen.close());

  const holder = async (tag: string) => (await bench.asset(tag)).assigned_to !== null;
  const actions = async (device: string) =>
    (await bench.alice.get(`device-actions/?device=${device}&ordering=created_at&page_size=100`)).body.results;

  it('are switched by command codes: a badge, then what is taken, then what comes back', async () => {
    await screen.paired('Desk', '--location', 'D3');
    await screen.mode(/^\s*Record/);
    await screen.wedge('CMD:CHECK-OUT');
    await screen.shown('turn', 'Check-out');
    await screen.mode(/Check-out.*Scan a badge.*[12]:\d\d/s);
    await screen.wedge('PUMP-0042');
    await screen.shown('rejected', 'PUMP-0042');
    await screen.says('Scan a badge first');
    await screen.sounds();
    await screen.wedge('BADGE-7');
    await screen.shown('turn', 'Bob Brown');
    await screen.mode(/Check-out.*to Bob Brown/s);
    expect((await screen.sounds()).length).toBeGreaterThan(0);
    // Its code is a key to whatever its owner may take.
    expect(await screen.page.locator('#scans').textContent()).not.toContain('BADGE-7');
    await screen.wedge('PUMP-0042');
    await screen.shown('known', 'PUMP-0042');
    await screen.says('Out to Bob Brown');
    await screen.says('Infusion pump');
    expect(await holder('PUMP-0042')).toBe(true);
    await screen.wedge('CMD:CHECK-IN', 'PUMP-0042');
    await screen.shown('known', 'PUMP-0042');
    await screen.says('Is back');
    expect(await bench.asset('PUMP-0042')).toMatchObject({ assigned_to: null, current_location: bench.dock });
    await screen.wedge('CMD:DONE');
    await screen.mode(/^\s*Record/);
    const done = (await actions('Desk')).map(({ outcome }: { outcome: string }) => outcome);
    expect(done).toEqual(['command', 'refused', 'badge', 'checked_out', 'command', 'checked_in', 'command']);
  });

  it('end by themselves after silence, and go on over a reload', async () => {
    await screen.paired('Short', '--mode-timeout', '25');
    await screen.wedge('CMD:CHECK-OUT', 'BADGE-7');
    await screen.mode(/to Bob Brown/);
    await screen.page.reload();
    await screen.isUp();
    await screen.mode(/to Bob Brown/);
    await screen.wedge('DRILL-7');
    await screen.says('Out to Bob Brown');
    await expect.poll(() => screen.page.locator('#mode').textContent(), { timeout: 40_000 }).toMatch(/^\s*Record/);
    await screen.wedge('DRILL-7');
    await screen.shown('known', 'DRILL-7');
    await screen.says('Cordless drill');
    await screen.wedge('CMD:CHECK-IN', 'DRILL-7');
    await screen.says('Is back');
  });

  it('of the line beside the screen are shown as they change, with what they do', async () => {
    await screen.paired('Beside', '--scanner', 'Gate');
    await bench.pty.send('CMD:CHECK-OUT\r');
    await screen.shown('turn', 'Check-out');
    await screen.mode(/Check-out.*Scan a badge.*Gate/s);
    await bench.pty.send('BADGE-7\r');
    await screen.mode(/to Bob Brown/);
    await bench.pty.send('DRILL-7\r');
    await screen.shown('known', 'DRILL-7');
    await screen.says('Out to Bob Brown');
    await screen.sounds();
    await bench.pty.send('PUMP-0042\rCMD:CHECK-IN\r');
    await screen.mode(/Check-in/);
    await bench.pty.send('DRILL-7\r');
    await screen.says('Is back');
    // One that the mode refuses is not green.
    await bench.pty.send('UNHEARD-OF\r');
    await screen.shown('unknown', 'UNHEARD-OF');
    await bench.pty.send('PUMP-0042\rDRILL-7\r');
    await screen.shown('rejected', 'DRILL-7');
    await screen.says('not checked out');
    // A screen that is opened now is in the picture.
    await screen.page.reload();
    await screen.mode(/Check-in/);
    await bench.pty.send('CMD:DONE\r');
    await screen.mode(/Record/);
    // The mode ends with the daemon, and the band does not say otherwise for long.
    await bench.pty.send('CMD:CHECK-IN\r');
    await screen.mode(/Check-in/);
    await bench.daemon.restart('SIGTERM');
    await screen.isUp();
    await bench.pty.send('PUMP-0042\r');
    await screen.shown('known', 'PUMP-0042');
    await screen.says('Infusion pump');
    await screen.mode(/^\s*Record/);
  });

  it('are kept for when the server is back: what was scanned meanwhile is done, in order, with its own time', async () => {
    await screen.paired('Island', '--location', 'D3');
    await bench.daemon.kill();
    await screen.page.waitForSelector('[data-line="down"]');
    const before = Date.now();
    await screen.wedge('CMD:CHECK-OUT', 'BADGE-7', 'PUMP-0042');
    await screen.shown('waiting', 'PUMP-0042');
    await screen.mode(/Check-out.*Not sent yet/s);
    await screen.waiting(3);
    const after = Date.now();
    await screen.page.reload();
    await screen.mode(/Check-out.*Not sent yet/s);
    await bench.daemon.start();
    await screen.isUp();
    await screen.waiting(0);
    expect(await holder('PUMP-0042')).toBe(true);
    const [scan] = (await bench.stored('PUMP-0042')).slice(-1);
    const captured = Date.parse(scan!.offline_captured_at);
    expect([captured >= before - 3_000, captured <= after + 3_000]).toEqual([true, true]);
    await screen.wedge('CMD:CHECK-IN', 'PUMP-0042');
    await screen.says('Is back');
  });
});
