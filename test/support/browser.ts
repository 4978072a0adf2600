/** Debian's Chromium, driven without a window; suites that need it are skipped by name where it is missing. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { describe } from 'vitest';

const executablePath = process.env.ASSETRA_TEST_CHROMIUM ?? '/usr/bin/chromium';

/** As kiosks start it, heard without a gesture, unless other flags are given. */
export const launch = (args = ['--autoplay-policy=no-user-gesture-required']): Promise<Browser> =>
  chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', ...args] });

export function describeInBrowser(name: string, suite: () => void): void {
  describe.skipIf(!existsSync(executablePath))(`${name} (needs ${executablePath})`, suite);
}
