/** The API's latency with four printers that never take a label, beside the same without them, in one run. */
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
const rounds = Number(values.rounds ?? '3');
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

async function measure(title: string, caller: Caller): Promise<void> {
  for (const work of measured) {
    const slices: Slice[] = [];
    for (let round = 0; round < rounds; round += 1) slices.push(await caller.load(work as Work, seconds, never));
    const of = (pick: (slice: Slice) => number) => median(slices.map(pick));
    const [p50, p99] = [of(({ p50: one }) => one), of(({ p99: one }) => one)];
    console.log(
      `${title.padEnd(34)} ${work.title.padEnd(22)} ${of(({ rate }) => rate)
        .toFixed(0)
        .padStart(6)}/s  p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms`,
    );
  }
}

async function run(site: Site): Promise<void> {
  const stuck = await stuckPrinters(site.dir);
  const database = new Database(site.database);
  const actor = { kind: 'system', id: null, label: 'bench', role: 'admin', superuser: true } as const;
  const tenant = { id: site.tenantId, name: 'Bench', slug: 'bench', settings: {} };
  const ctx: TenantContext = { db: database, tenant, actor, now: () => new Date(), log: silentLog };
  const main = join(packageRoot, 'bin/assetra');
  const server = await startServer([main, 'serve', '--dir', site.dir, '--port', '0'], join(site.dir, 'log'));
  const caller = new Caller(server.address, await logIn(server.address, site.tenantId), assets);
  try {
    await measure('without printers', caller);
    for (const [index, url] of stuck.urls.entries()) {
      const { id } = await printers.served.create(ctx, { name: `P${index}`, url });
      const batch = await batches.served.create(ctx, { prefix: `P${index}-`, start_sequence: 1, end_sequence: 2_000 });
      await printers.print(ctx, id, { source: { batch: batch.id } });
    }
    const blocked = async () =>
      (await printers.served.list(ctx)).rows.filter(({ state }) => state === 'blocked').length;
    for (let n = 0; (await blocked()) < 4; n += 1) {
      if (n > 300) throw new Error('The printers were not blocked within 30 s.');
      await sleep(100);
    }
    await measure('with four that take nothing', caller);
    if ((await blocked()) < 4) throw new Error('A printer took labels after all.');
    for (const { id } of (await printers.served.list(ctx)).rows) await printers.cancel(ctx, id, {});
    await sleep(2_000);
    await measure('after they were given up', caller);
  } finally {
    await caller.close();
    await server.stop();
    await stuck.stop();
    await database.close();
  }
}

const sqlite = (await findDatabases()).find(({ dialect }) => dialect === 'sqlite')!;
const site = await createSite(sqlite, assets);
console.log(`${machine()}; SQLite; 16 connections; median of ${rounds} rounds of ${seconds} s`);
await run(site).finally(() => site.remove());
