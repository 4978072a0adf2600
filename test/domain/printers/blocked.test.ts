/** Printers that cannot print for long: said once, kept, and nothing of their work is spoilt meanwhile. */

import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createRaw } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import * as printers from '../../../src/domain/printers/service.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { noSmallDisk, SmallDisk } from '../../support/faults/small-disk.ts';
import { PrintShop } from '../../support/printing.ts';
import { until } from '../../support/pty.ts';
import { type TestSite, testSite } from '../../support/site.ts';

onEveryDatabase('printers that cannot print', (dialect) => {
  let site: TestSite;
  let shop: PrintShop;
  const closing: (() => unknown)[] = [];
  beforeAll(async () => {
    site = await testSite(dialect);
    shop = new PrintShop(site);
  });
  afterEach(async () => {
    await shop.close();
    for (const close of closing.splice(0).reverse()) await close();
  });
  afterAll(() => site.close());

  const printed = async (url: string, count: number) => {
    const printer = await shop.printer(url);
    const { id } = await shop.batch(count);
    const job = await printers.print(shop.ctx, printer.name, { source: { batch: id } });
    await shop.run();
    return { printer, job };
  };

  /** A queue that takes nothing for now, but is there and well. */
  async function busyQueue() {
    const queue = { busy: true, took: 0 };
    const server: Server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const code = Buffer.concat(parts).readUInt16BE(2);
        if (code === 0x02 && queue.busy) return response.end(ipp(0x0507));
        if (code === 0x02) queue.took += 1;
        response.end(ipp(0, code === 0x02 ? ['job-id', 0x21, 1] : code === 0x09 ? ['job-state', 0x23, 9] : undefined));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => new Promise((resolve) => server.close(resolve)));
    closing.push(() => server.closeAllConnections());
    return { queue, url: `ipp://127.0.0.1:${(server.address() as AddressInfo).port}/q` };
  }

  it('says once of a queue that is busy for long that somebody is to look, and stays blocked until it takes something', async () => {
    const { queue, url } = await busyQueue();
    const { printer, job } = await printed(url, 3);
    await until(async () => (await shop.row(printer)).state === 'blocked', 'it to be blocked', 30_000);
    const since = (await shop.row(printer)).blocked_at;
    const seen = new Set<string>();
    const called = async () => {
      const row = await shop.row(printer);
      seen.add(`${row.state} ${(await shop.job(job)).state}`);
      return row.attention_at !== null;
    };
    await until(called, 'somebody to be called', 25_000);
    expect([...seen]).toEqual(['blocked blocked']);
    const row = await shop.row(printer);
    expect([row.reason, row.blocked_at]).toEqual(['busy', since]);
    expect((await shop.states(job)).unknown).toBeUndefined();
    queue.busy = false;
    await until(async () => (await shop.job(job)).state === 'done', 'it to be printed', 20_000);
    expect(queue.took).toBe(1);
    expect((await shop.row(printer)).attention_at).toBeNull();
  }, 60_000);

  it('calls somebody also when the clock was set back meanwhile', async () => {
    const printer = await shop.printer('tcp://127.0.0.1:9');
    await shop.run();
    await printers.print(shop.ctx, printer.name, { source: { batch: (await shop.batch(1)).id } });
    await until(async () => (await shop.row(printer)).state === 'blocked', 'it to be blocked', 30_000);
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    await site.database.execute('UPDATE printers SET blocked_at = ? WHERE id = ?', [tomorrow, printer.id]);
    await until(async () => (await shop.row(printer)).attention_at !== null, 'somebody to be called');
    await printers.cancel(shop.ctx, printer.id, {});
  });

  const reason = noSmallDisk();
  it.skipIf(reason)(`a file on a full disk spoils no label${reason ? ` (skipped: ${reason})` : ''}`, async () => {
    const disk = new SmallDisk(1).start();
    closing.push(() => disk.stop());
    disk.fill();
    const path = join(disk.folder, 'labels.zpl');
    const { printer, job } = await printed(`file:${path}`, 40);
    await until(async () => (await shop.row(printer)).state === 'blocked', 'it to be blocked', 30_000);
    expect((await shop.row(printer)).reason).toBe('no_room');
    await sleep(2_500);
    expect((await shop.states(job)).unknown).toBeUndefined();
    disk.free();
    await until(async () => (await shop.job(job)).state === 'done', 'it to be printed', 20_000);
    expect(readFileSync(path, 'utf8').match(/\^XA.*?\^XZ\n/g)).toHaveLength(40);
  });

  it('an endless answer of whatever is at the address of a queue is not read to its end', async () => {
    const server = createRaw((socket) => {
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      const more = () => {
        while (!socket.destroyed && socket.write(Buffer.alloc(65_536)));
      };
      socket.on('drain', more);
      more();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => server.close());
    const { status } = await printers.probe(`ipp://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    expect(status.reasons).toEqual(['offline']);
  });
});

function ipp(status: number, attribute?: [name: string, kind: number, value: number]): Buffer {
  const head = Buffer.from([1, 1, status >> 8, status & 255, 0, 0, 0, 1, 4]);
  if (!attribute) return Buffer.concat([head, Buffer.from([3])]);
  const [name, kind, value] = attribute;
  const number = Buffer.from([kind, 0, name.length, ...Buffer.from(name), 0, 4, 0, 0, 0, value]);
  return Buffer.concat([head, number, Buffer.from([3])]);
}
