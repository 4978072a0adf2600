/** What befalls a screen that hangs on a wall for months: nothing is lost, doubled or run. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { describeInBrowser } from '../support/browser.ts';
import { KioskBench, type KioskScreen, patient } from '../support/kiosk-bench.ts';
import { until } from '../support/pty.ts';

vi.setConfig({ testTimeout: 400_000 });

describeInBrowser('a kiosk page in hard times', () => {
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

  const texts = async (search: string) => (await bench.stored(search)).map(({ raw_value }) => raw_value);
  const codes = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, n) => `${prefix}${String(n).padStart(3, '0')}`);

  it('brings five hundred scans once and in order, though the server is killed while it takes them', async () => {
    await screen.paired('Stormy');
    await bench.daemon.kill();
    await screen.page.waitForSelector('[data-line="down"]');
    const all = codes('S-', 500);
    await screen.wedge(...all);
    await screen.waiting(500, 120_000);
    for (const so_far of [40, 180]) {
      await bench.daemon.start();
      await until(async () => (await bench.stored('S-')).length >= so_far, `${so_far} scans`, 200_000);
      await bench.daemon.kill();
    }
    await bench.daemon.start();
    await screen.waiting(0, 300_000);
    expect(await texts('S-')).toEqual(all);
    // And none is listed twice, whoever told it: the answer or the stream.
    await screen.isUp();
    const listed = await screen.page.locator('#scans li b').allTextContents();
    expect(new Set(listed).size).toBe(listed.length);
  }, 600_000);

  it('misses and repeats nothing of the line when the server is killed and the stream is cut', async () => {
    await screen.paired('Cut', '--scanner', 'Gate');
    const seen = () => screen.page.locator('#scans li b').allTextContents();
    const all = codes('CUT-', 24);
    for (const [n, code] of all.entries()) {
      await bench.pty.send(`${code}\r`);
      await until(async () => (await texts('CUT-')).includes(code), code, 30_000);
      if (n % 8 === 3) await bench.daemon.restart('SIGKILL');
      if (n % 8 === 6) {
        await screen.context.setOffline(true);
        await screen.context.setOffline(false);
      }
    }
    await expect.poll(async () => (await seen()).slice().reverse(), { timeout: 30_000 }).toEqual(all);
  });

  it('sends what the disk does not take, and says that it is not kept', async () => {
    await screen.close();
    const full = "IDBObjectStore.prototype.add = () => { throw new DOMException('full', 'QuotaExceededError'); };";
    screen = await bench.screen({ script: full });
    await screen.paired('Full');
    await screen.wedge('FULL-1', 'FULL-2');
    await expect.poll(() => texts('FULL-'), patient).toEqual(['FULL-1', 'FULL-2']);
    await screen.shown('unknown', 'FULL-2');
    await bench.daemon.kill();
    await screen.page.waitForSelector('[data-line="down"]');
    await screen.wedge('FULL-3');
    await screen.shown('waiting', 'FULL-3');
    await screen.says('The disk of this screen takes nothing');
    await bench.daemon.start();
    await expect.poll(() => texts('FULL-'), { timeout: 30_000 }).toEqual(['FULL-1', 'FULL-2', 'FULL-3']);
  });

  it('shows a name as text, whatever is in it', async () => {
    const evil = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    expect((await bench.alice.post('assets/', { asset_tag: 'EVIL-1', name: evil })).status).toBe(201);
    expect((await bench.alice.post('assets/', { asset_tag: 'RLO-1', name: 'abc\u202efdp.exe' })).status).toBe(201);
    expect((await bench.alice.post('assets/', { asset_tag: 'W'.repeat(80), name: 'م'.repeat(200) })).status).toBe(201);
    await screen.paired('<b>Wall</b>');
    await screen.wedge('EVIL-1');
    await screen.says(evil);
    await screen.wedge('<svg onload=alert(1)>');
    await screen.shown('unknown', '<svg onload=alert(1)>');
    await screen.wedge('RLO-1');
    // Turned around it would end in another extension than it does.
    await screen.says('abc▯fdp.exe');
    await screen.wedge('W'.repeat(80));
    await screen.shown('known', 'W'.repeat(80));
    expect(await screen.page.title()).toBe('Assetra kiosk');
    expect(await screen.page.locator('main img, main script, .whose b').count()).toBe(0);
    const fits =
      'document.documentElement.scrollWidth <= innerWidth && document.documentElement.scrollHeight <= innerHeight';
    for (const [width, height] of [
      [800, 480],
      [1920, 1080],
      [1080, 1920],
    ]) {
      await screen.page.setViewportSize({ width: width!, height: height! });
      expect([width, await screen.page.evaluate(fits)]).toEqual([width, true]);
    }
  });

  it('of two windows, one that was shut out takes over what the other was paired with', async () => {
    await screen.paired('Twin');
    const second = await screen.context.newPage();
    await second.goto(`${bench.daemon.address}/kiosk/`);
    await second.waitForSelector('[data-view="scans"][data-line="up"]');
    await bench.shell('token', 'revoke', 'Twin');
    await screen.page.waitForSelector('[data-view="pairing"]', { timeout: 30_000 });
    await second.waitForSelector('[data-view="pairing"]', { timeout: 30_000 });
    await second.fill('#code', await bench.codeFor('Twin'));
    await second.click('#pairing button');
    await screen.isUp();
    await screen.wedge('TWIN-1');
    await expect.poll(() => texts('TWIN-1'), patient).toEqual(['TWIN-1']);
    await second.reload();
    await second.waitForSelector('[data-view="scans"][data-line="up"]');
    await expect.poll(() => second.locator('#waiting-pill').isVisible(), patient).toBe(false);
  });

  it('loads the page of a new version by itself, once nobody scans, and once for each', async () => {
    await screen.paired('Renewed');
    let loads = 0;
    screen.page.on('load', () => {
      loads += 1;
    });
    await screen.context.route('**/api/v1/kiosk/status/', async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: { ...(await answer.json()), page: 'another' } });
    });
    await screen.openDetails();
    await screen.page.click('#close-details');
    await until(() => loads > 0, 'the page to be loaded again', 60_000);
    await screen.isUp();
    // What stands between may keep an old page: that is no reason to begin anew for ever.
    await screen.openDetails();
    await expect.poll(() => screen.page.locator('#site').textContent(), patient).toMatch(/Version/);
    await screen.page.click('#close-details');
    await screen.wedge('RENEWED-1');
    await screen.shown('unknown', 'RENEWED-1');
    expect(loads).toBe(1);
  });

  it('tells an admin who holds the button how the site is, and nobody who only touches it', async () => {
    const endpoint = { name: 'Nowhere', direction: 'outbound', url: 'http://127.0.0.1:9/', events: ['scan.created'] };
    expect((await bench.alice.post('webhooks/', { ...endpoint, max_attempts: 1 })).status).toBe(201);
    await screen.paired('Boss', '--scanner', 'Gate');
    await screen.wedge('DEAD-1');
    const dead = async () => (await bench.alice.get('webhook-deliveries/?status=dead_letter')).body.count;
    await until(async () => (await dead()) > 0, 'a dead letter', 60_000);
    await screen.page.click('#open-details');
    expect(await screen.page.evaluate("document.querySelector('#details').open")).toBe(false);
    await screen.openDetails();
    await expect.poll(() => screen.page.locator('#site').textContent(), patient).toMatch(/Version\d.*Dead letters\d/s);
    await expect.poll(() => screen.page.locator('#site').textContent(), patient).toMatch(/Gateready/);
    await screen.page.click('#close-details');
    await bench.pty.unplug();
    await expect
      .poll(() => screen.page.locator('#scanner-pill').textContent(), { timeout: 40_000 })
      .toMatch(/cannot be read/);
    await bench.pty.plug();
    await bench.shell('devices', 'remove', 'Gate');
    await expect
      .poll(() => screen.page.locator('#scanner-pill').textContent(), { timeout: 40_000 })
      .toMatch(/was removed/);
  });
});
