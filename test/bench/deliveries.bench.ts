/** Webhook deliveries to a local receiver beside a bare keep-alive loop to the same receiver. Exits 1 when one is lost. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Agent, request } from 'undici';
import { loadConfig } from '../../src/base/config.ts';
import { silentLog } from '../../src/base/log.ts';
import { siteOf } from '../../src/cli/site.ts';
import { workforceOf } from '../../src/cli/workforce.ts';
import type { TenantContext } from '../../src/db/context.ts';
import { Database, type Row } from '../../src/db/database.ts';
import * as assets from '../../src/domain/assets/service.ts';
import { servedEndpoints, signatureOf } from '../../src/domain/webhooks/service.ts';
import { machine, median } from './report.ts';
import { createSite, type Found, findDatabases } from './sites.ts';

if (process.send) await receive();
else await main();

/** In a process of its own, as a receiver is. */
async function receive(): Promise<void> {
  const server = createServer((message, answer) => {
    message.resume().on('end', () => answer.writeHead(200).end('ok'));
  });
  server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port));
  await once(process, 'disconnect');
  process.exit();
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { rounds: text, dialects: text, deliveries: text, flight: text } });
  const rounds = Number(values.rounds ?? '3');
  const count = Number(values.deliveries ?? '4000');
  const flight = Number(values.flight ?? '16');
  const wanted = values.dialects?.split(',');
  console.log(`${machine()}; ${count} deliveries, ${flight} in flight, median of ${rounds} rounds`);
  const receiver = fork(import.meta.filename);
  const [port] = (await once(receiver, 'message')) as [number];
  const url = `http://127.0.0.1:${port}/`;
  for (const one of (await findDatabases()).filter(
    ({ found, dialect }) => found && (!wanted || wanted.includes(dialect)),
  ))
    await measure(one, { url, rounds, count, flight });
  receiver.disconnect();
}

interface Plan {
  url: string;
  rounds: number;
  count: number;
  flight: number;
}

async function measure(one: Found, { url, rounds, count, flight }: Plan): Promise<void> {
  const site = await createSite(one, 1);
  const config = loadConfig({ dir: site.dir }, { ASSETRA_WEBHOOK_ALLOWED_HOSTS: 'loopback' });
  const database = new Database(site.database);
  try {
    const { ctx, inTenant } = await siteOf(config, database, silentLog);
    const inside = await inTenant(String(site.tenantId));
    const [ours, bare]: [number[], number[]] = [[], []];
    const endpoint = { name: 'Bench', url, events: ['asset.created'], max_in_flight: flight };
    await servedEndpoints.create(inside, endpoint);
    for (let round = 0; round < rounds; round += 1) {
      await raise(inside, count, round);
      const workforce = workforceOf(config, database, ctx, silentLog);
      const started = performance.now();
      await workforce.start();
      while ((await pending(database)) > 0) await sleep(20);
      ours.push((count / (performance.now() - started)) * 1_000);
      await workforce.stop();
      bare.push(await bareLoop(url, count, flight));
    }
    const [row] = await database.query<Row>(
      "SELECT COUNT(*) AS count FROM webhook_deliveries WHERE status = 'success'",
    );
    if (Number(row!.count) !== count * rounds) throw new Error(`Only ${row!.count} deliveries were made.`);
    const ratio = median(ours.map((rate, round) => rate / bare[round]!));
    const figures = [ours, bare].map((rates) => `${median(rates).toFixed(0)}/s`);
    console.log(
      `${one.title.padEnd(14)} deliveries ${figures[0]}; bare loop ${figures[1]}; ${(ratio * 100).toFixed(0)} %`,
    );
  } finally {
    await database.close();
    await site.remove();
  }
}

async function raise(ctx: TenantContext, count: number, round: number): Promise<void> {
  for (let from = 0; from < count; from += 1_000) {
    const items = Array.from({ length: Math.min(1_000, count - from) }, (_, n) => ({
      asset_tag: `R${round}-${from + n}`,
      name: 'A drill with a name of some length',
    }));
    await assets.bulk(ctx, { items });
  }
}

async function pending(database: Database): Promise<number> {
  const [row] = await database.query<Row>("SELECT COUNT(*) AS count FROM webhook_deliveries WHERE status = 'pending'");
  return Number(row!.count);
}

/** The same bytes, signed and posted over kept connections, and nothing written down. */
async function bareLoop(url: string, count: number, flight: number): Promise<number> {
  const dispatcher = new Agent({ connections: flight });
  const body = Buffer.from(JSON.stringify({ event: 'asset.created', data: 'x'.repeat(600) }));
  let left = count;
  const started = performance.now();
  const loop = async () => {
    while (left > 0) {
      left -= 1;
      const timestamp = String(Math.floor(Date.now() / 1_000));
      const headers = {
        'Content-Type': 'application/json',
        'X-Assetra-Signature': signatureOf('secret', timestamp, body),
      };
      const answer = await request(url, { method: 'POST', body, headers, dispatcher });
      await answer.body.dump();
    }
  };
  await Promise.all(Array.from({ length: flight }, loop));
  const rate = (count / (performance.now() - started)) * 1_000;
  await dispatcher.close();
  return rate;
}
