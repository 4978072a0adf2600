/** A daemon with a serial scanner "Gate", and screens before it: Debian's Chromium with real keys. */
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';
import { assetra, ensureBuilt } from '../cli/spawn.ts';
import { launch } from './browser.ts';
import { Daemon } from './faults/daemon.ts';
import * as site from './faults/site.ts';
import { createPty, type Pty } from './pty.ts';

const inPage = { path: join(import.meta.dirname, '../kiosk/in-page.js') };
export const patient = { timeout: 45_000 };

export interface StoredScan {
  id: number;
  raw_value: string;
  source_type: string;
  offline_captured_at: string;
}

export class KioskBench {
  readonly made: site.Site;
  readonly daemon: Daemon;
  readonly alice: site.Client;
  readonly browser: Browser;
  readonly pty: Pty;
  /** Id of the place `D3`, "Dock 3". */
  readonly dock: number;

  private constructor(made: site.Site, daemon: Daemon, alice: site.Client, browser: Browser, pty: Pty, dock: number) {
    this.made = made;
    this.daemon = daemon;
    this.alice = alice;
    this.browser = browser;
    this.pty = pty;
    this.dock = dock;
  }

  /** With the assets PUMP-0042 and DRILL-7 at Dock 3, and Bob, whose badge is BADGE-7. */
  static async open(): Promise<KioskBench> {
    ensureBuilt();
    const made = await site.makeSite();
    const pty = createPty();
    await pty.plug();
    const daemon = await new Daemon(made.dir).start();
    const alice = await site.logIn(daemon.address);
    const created = async (path: string, body: object) => {
      const answer = await alice.post(path, body);
      expect(answer.status).toBe(201);
      return answer.body;
    };
    const dock = (await created('locations/', { name: 'Dock 3', code: 'D3' })).id;
    for (const [asset_tag, name] of [
      ['PUMP-0042', 'Infusion pump'],
      ['DRILL-7', 'Cordless drill'],
    ])
      await created('assets/', { asset_tag, name, current_location: dock });
    const bob = { username: 'bob', full_name: 'Bob Brown', role: 'operator', badge_code: 'BADGE-7' };
    await created('members/', { ...bob, password: site.password });
    await created('devices/', { name: 'Gate', kind: 'serial', path: pty.path, location: dock });
    return new KioskBench(made, daemon, alice, await launch(), pty, dock);
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.daemon.kill();
    await this.pty.remove();
    this.made.remove();
  }

  /** A command of the shell in the tenant; its answer as JSON. */
  async shell(...words: string[]) {
    const args = [...words, '--tenant', 'plant-1', '--dir', this.made.dir, '--json'];
    const { code, stdout, stderr } = await assetra(args);
    expect([code, stderr]).toEqual([0, '']);
    return stdout === '' ? undefined : JSON.parse(stdout);
  }

  async codeFor(name: string, ...flags: string[]): Promise<string> {
    return (await this.shell('kiosk', 'pair', name, ...flags)).code;
  }

  /** Scans whose text holds the search, in the order they were recorded. */
  async stored(search: string): Promise<StoredScan[]> {
    const all: StoredScan[] = [];
    for (let number = 1; ; number += 1) {
      const { body } = await this.alice.get(
        `scan-events/?search=${search}&ordering=created_at&page_size=500&page=${number}`,
      );
      all.push(...body.results);
      if (!body.next) return all.sort((one, two) => one.id - two.id);
    }
  }

  async asset(tag: string) {
    return (await this.alice.get(`assets/by-tag/${tag}/`)).body;
  }

  /** A browser of its own with the page not opened yet. `script` runs in the page before its own. */
  async screen({ viewport = { width: 1280, height: 800 }, script = '' } = {}): Promise<KioskScreen> {
    const context = await this.browser.newContext({ viewport });
    await context.addInitScript(inPage);
    if (script) await context.addInitScript(script);
    return new KioskScreen(this, context, await context.newPage());
  }
}

export class KioskScreen {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What the page threw, and what its policy refused. */
  readonly faults: string[] = [];
  readonly #bench: KioskBench;

  constructor(bench: KioskBench, context: BrowserContext, page: Page) {
    this.#bench = bench;
    this.context = context;
    this.page = page;
    page.on('pageerror', (error) => this.faults.push(String(error)));
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) this.faults.push(message.text());
    });
  }

  async close(): Promise<void> {
    await this.context.close();
    expect(this.faults).toEqual([]);
  }

  open = () => this.page.goto(`${this.#bench.daemon.address}/kiosk/`);

  enter = async (code: string) => {
    await this.page.fill('#code', code);
    await this.page.click('#pairing button');
  };

  isUp = () => this.page.waitForSelector('[data-view="scans"][data-line="up"]');

  paired = async (name: string, ...flags: string[]) => {
    await this.open();
    await this.enter(await this.#bench.codeFor(name, ...flags));
    await this.isUp();
  };

  openDetails = () => this.page.click('#open-details', { delay: 1_200 });

  /** As a wedge types: with no pause at all, and Enter after each; not one key after the other's answer, as a person. */
  wedge = async (...codes: string[]) => {
    const keyboard = await this.context.newCDPSession(this.page);
    const keys = codes.flatMap((code) => [...code, 'Enter']);
    // When each was pressed, as a keyboard tells it, in s: a machine that is busy dispatches them late.
    const start = Date.now() / 1_000;
    await Promise.all(
      keys.flatMap((key, n) => [
        keyboard.send('Input.dispatchKeyEvent', {
          type: 'keyDown',
          key,
          timestamp: start + n / 1_000,
          text: key === 'Enter' ? '\r' : key,
        }),
        keyboard.send('Input.dispatchKeyEvent', { type: 'keyUp', timestamp: start + n / 1_000, key }),
      ]),
    );
    await keyboard.detach();
  };

  /** Resolves to all words in the middle once look and title are these. */
  shown = async (state: string, title: string) => {
    const now = "[document.querySelector('#last').dataset.state, document.querySelector('#title').textContent]";
    await expect.poll(() => this.page.evaluate(now), patient).toEqual([state, title]);
    return this.page.locator('#last .words').textContent();
  };

  says = (text: string) => expect.poll(() => this.page.locator('#last .words').textContent(), patient).toContain(text);

  /** What stands in the band of the mode. */
  mode = (matching: RegExp) => expect.poll(() => this.page.locator('#mode').textContent(), patient).toMatch(matching);

  waiting = (count: number, timeout = 60_000) =>
    expect.poll(() => this.page.locator('#waiting-count').textContent(), { timeout }).toBe(String(count));

  sounds = () => this.page.evaluate<number[]>('heard.splice(0)');
}
