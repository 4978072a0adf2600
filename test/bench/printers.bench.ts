/** The API's latency with four printers that never take a label, beside a daemon without printers, turn by turn. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { silentLog } from '../../src/base/log.ts';
import { packageRoot } from '../../src/base/paths.ts';
import type { TenantContext } from '../../src/db/context.ts';
import { Database } from '../../src/db/database.ts';
import { PrinterSimulator } from '../../src/devices/simulator/printer.ts';
import * as batches from '../../src/domain/batches/service.ts';
import * as printers from '../../src/domain/printers/service.ts';
import { Caller, type Slice } from './load.ts';
import { machine, median } from './report.ts';
import { startServer } from './servers.ts';
import { createSite, findDatabases, logIn, type Site } from './sites.ts';
import { type Work, works } from './works.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { rounds: text, seconds: text } });
const rounds = Number(values.rounds ?? '5');
const seconds = Number(values.seconds ?? '1.5');
const assets = 10_000;
const measured = works.filter(({ name }) => name === 'lookup' || name === 'scan');
const never = new AbortController().signal;

/** Two that read nothing from their socket, and two device files whose other end nobody reads. */
async function stuckPrinters(dir: string) {
  const sockets = [new PrinterSimulator({ drain: 0 }), new PrinterSimulator({ drain: 0 })];
  for (const socket of sockets) await socket.start();
  const lines: ChildProcess[] = [];
  const paths = [1, 2].map((n) => join(dir, `lp${n}`));
  for (const path of paths)
    lines.push(spawn('socat', [`pty,raw,echo=0,link=${path}`, `pty,raw,echo=0,link=${path}.end`], { stdio: 'ignore' }));
  while (!paths.every((path) => existsSync(path))) await sleep(20);
  const stop = async () => {
    for (const line of lines) line.kill();
    for (const socket of sockets) await socket.stop();
  };
  const urls = [
    ...sockets.map(({ port }) => `tcp://127.0.0.1:${port}`),
    ...paths.map((path) => `usb:${path}?status=none`),
  ];
  return { urls, stop };
}

interface Bench {
  title: string;
  caller: Caller;
}

/** Turn by turn, as whatever else the machine does then falls on both; the ratio is that of each round. */
async function measure(plain: Bench, stuck: Bench): Promise<void> {
  for (const work of measured) {
    const slices = new Map<Bench, Slice[]>([
      [plain, []],
      [stuck, []],
    ]);
    for (let round = 0; round < rounds; round += 1)
      for (const bench of round % 2 === 0 ? [plain, stuck] : [stuck, plain])
        slices.get(bench)!.push(await bench.caller.load(work as Work, seconds, never));
    for (const [{ title }, seen] of slices) {
      const of = (pick: (slice: Slice) => number) => median(seen.map(pick));
      const [rate, p50, p99] = [of((one) => one.rate), of((one) => one.p50), of((one) => one.p99)];
      console.log(
        `${title.padEnd(30)} ${work.title.padEnd(22)} ${rate.toFixed(0).padStart(6)}/s  p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms`,
      );
    }
    const ratio = (pick: (slice: Slice) => number) =>
      median(slices.get(stuck)!.map((one, round) => pick(one) / pick(slices.get(plain)![round]!))).toFixed(2);
    console.log(
      `${'with ÷ without'.padEnd(30)} ${work.title.padEnd(22)} ${ratio((one) => one.rate).padStart(6)}    p50 ${ratio((one) => one.p50)}     p99 ${ratio((one) => one.p99)}`,
    );
  }
}

async function serving(site: Site, title: string) {
  const server = await startServer(
    [join(packageRoot, 'bin/assetra'), 'serve', '--dir', site.dir, '--port', '0'],
    join(site.dir, 'log'),
  );
  const caller = new Caller(server.address, await logIn(server.address, site.tenantId), assets);
  const stop = async () => {
    await caller.close();
    await server.stop();
  };
  return { title, caller, stop };
}

async function run(plainSite: Site, site: Site): Promise<void> {
  const lines = await stuckPrinters(site.dir);
  const database = new Database(site.database);
  const actor = { kind: 'system', id: null, label: 'bench', role: 'admin', superuser: true } as const;
  const tenant = { id: site.tenantId, name: 'Bench', slug: 'bench', settings: {} };
  const ctx: TenantContext = { db: database, tenant, actor, now: () => new Date(), log: silentLog };
  const plain = await serving(plainSite, 'without printers');
  const stuck = await serving(site, 'with four that take nothing');
  try {
    for (const [index, url] of lines.urls.entries()) {
      const { id } = await printers.served.create(ctx, { name: `P${index}`, url });
      const batch = await batches.served.create(ctx, { prefix: `P${index}-`, start_sequence: 1, end_sequence: 2_000 });
      await printers.print(ctx, id, { source: { batch: batch.id } });
    }
    const blocked = async () =>
      (await printers.served.list(ctx)).rows.filter(({ state }) => state === 'blocked').length;
    for (let n = 0; (await blocked()) < 4; n += 1) {
      if (n > 600) throw new Error('The printers were not blocked within 60 s.');
      await sleep(100);
    }
    await measure(plain, stuck);
    if ((await blocked()) < 4) throw new Error('A printer took labels after all.');
  } finally {
    await plain.stop();
    await stuck.stop();
    await lines.stop();
    await database.close();
  }
}

const sqlite = (await findDatabases()).find(({ dialect }) => dialect === 'sqlite')!;
const [plain, site] = [await createSite(sqlite, assets), await createSite(sqlite, assets)];
console.log(`${machine()}; SQLite; 16 connections; ${rounds} rounds of ${seconds} s each, turn by turn; medians`);
await run(plain, site).finally(() => {
  plain.remove();
  site.remove();
});
