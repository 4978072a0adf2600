/**
 * A scanner that types without a pause, pulled out and plugged in again, and its daemon killed. Whoever scans sees which code was
 * answered last and goes on after it, so what was on the line is typed again; nothing that was read may be lost, doubled or moved.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { assetra, ensureBuilt } from '../cli/spawn.ts';
import { Daemon } from '../support/faults/daemon.ts';
import { type Client, logIn, makeSite, type Site } from '../support/faults/site.ts';
import { until } from '../support/pty.ts';
import { SimulatedScanner } from '../support/simulated-scanner.ts';

/** `npm test` has few, so that a developer does not wait; whoever doubts sets ASSETRA_TEST_SCANS=10000. */
const count = Number(process.env.ASSETRA_TEST_SCANS ?? 700);
const faults = ['unplug', 'kill', 'unplug', 'unplug', 'kill', 'unplug', 'unplug'] as const;
/** Long enough that buffers on the way hold few of them. */
const codes = Array.from({ length: count }, (_, index) => `SCAN-${String(index).padStart(6, '0')}-${'x'.repeat(90)}`);

let site: Site;
let daemon: Daemon;
let admin: Client;
let folder: string;
let path: string;

beforeAll(async () => {
  ensureBuilt();
  folder = mkdtempSync(join(tmpdir(), 'assetra-scanner-'));
  path = join(folder, 'scanner');
  site = await makeSite();
  const add = ['devices', 'add', 'Dock', '--tenant', 'plant-1', '--path', path, '--dir', site.dir];
  expect((await assetra(add)).code).toBe(0);
  daemon = await new Daemon(site.dir).start();
  admin = await logIn(daemon.address);
}, 120_000);
afterAll(async () => {
  await daemon?.kill();
  site?.remove();
  rmSync(folder, { recursive: true, force: true });
});

interface Health {
  state: string;
  scans: number;
  waiting: number;
}

const health = async (): Promise<Health> => {
  const { checks } = (await (await fetch(`${daemon.address}/health/`)).json()) as never as {
    checks: { devices: { devices: Health[] } };
  };
  return checks.devices.devices[0] ?? { state: 'none', scans: 0, waiting: 1 };
};

async function recorded(): Promise<string[]> {
  const all: string[] = [];
  let next = 'scan-events/?ordering=id&page_size=500&page=1';
  for (let page = 1; next !== ''; page += 1) {
    const { body } = await admin.get(`scan-events/?ordering=id&page_size=500&page=${page}`);
    all.push(...body.results.map(({ raw_value }: { raw_value: string }) => raw_value));
    next = body.next ?? '';
  }
  return all;
}

/** What has been read is recorded. */
const drained = () =>
  until(
    async () => {
      const { state, waiting } = await health();
      return state === 'waiting' && waiting === 0;
    },
    'what was read to be recorded',
    300_000,
  );

function plugIn(from: number, to = count): SimulatedScanner {
  const file = join(folder, 'codes.txt');
  writeFileSync(file, codes.slice(from, to).join('\n'));
  return new SimulatedScanner(['--pty', path, '--file', file, '--rate', '0', '--linger', '600']);
}

it(`${count} codes at full speed through ${faults.length} faults are each recorded once, in order`, async () => {
  let done = 0;
  let cut = 0;
  for (const [index, fault] of faults.entries()) {
    const before = (await health()).scans;
    // Each fault comes somewhere in its own share of the codes, so that there are some left for the last.
    const share = Math.floor((count - done) / (faults.length + 1 - index));
    const scanner = plugIn(done, done + share);
    const wanted = 1 + Math.floor((Math.random() * share) / 2);
    const read = async () => {
      const { scans, waiting } = await health();
      return scans + waiting - before;
    };
    await until(async () => (await read()) >= wanted, `${wanted} codes to be read`, 60_000);
    if (fault === 'kill') await daemon.kill();
    await scanner.unplug();
    if (fault === 'kill') await daemon.start();
    await drained();
    const now = await recorded();
    expect(now).toEqual(codes.slice(0, now.length));
    expect(now.length).toBeGreaterThan(done);
    cut += done + scanner.typed - now.length;
    done = now.length;
  }
  const rest = plugIn(done);
  await until(async () => (await recorded()).length >= count, 'the last codes to be recorded', 300_000);
  await rest.unplug();
  await drained();
  expect(await recorded()).toEqual(codes);
  if (process.env.ASSETRA_TEST_SCANS) console.log(`${cut} codes were on the line when it was cut, and typed again.`);
}, 1_200_000);
