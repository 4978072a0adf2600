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
import { machine, median, processorTime } from './report.ts';
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
    const [ours, bare]: [Spent[], Spent[]] = [[], []];
    const endpoint = { name: 'Bench', url, events: ['asset.created'], max_in_flight: flight };
    await servedEndpoints.create(inside, endpoint);
    let statements = 0;
    for (let round = 0; round < rounds; round += 1) {
      await raise(inside, count, round);
      const workforce = workforceOf(config, database, ctx, silentLog);
      database.observe(() => {
        statements += 1;
      });
      ours.push(
        await spentOn(count, async () => {
          await workforce.start();
          while (await isPending(database)) await sleep(20);
        }),
      );
      database.observe(() => undefined);
      await workforce.stop();
      bare.push(await spentOn(count, () => bareLoop(url, count, flight)));
    }
    const [row] = await database.query<Row>(
      "SELECT COUNT(*) AS count FROM webhook_deliveries WHERE status = 'success'",
    );
    if (Number(row!.count) !== count * rounds) throw new Error(`Only ${row!.count} deliveries were made.`);
    const share = (of: keyof Spent, upside: boolean) => {
      const ratios = ours.map((spent, round) => (upside ? spent[of] / bare[round]![of] : bare[round]![of] / spent[of]));
      return `${(median(ratios) * 100).toFixed(0)} %`;
    };
    const mid = (all: Spent[], of: keyof Spent) => median(all.map((spent) => spent[of])).toFixed(0);
    console.log(
      `${one.title.padEnd(14)} deliveries ${mid(ours, 'rate')}/s; bare loop ${mid(bare, 'rate')}/s; ${share('rate', true)}. ` +
        `Processor time ${mid(ours, 'cpu')} and ${mid(bare, 'cpu')} µs each; ${share('cpu', false)}. ` +
        `${(statements / count / rounds).toFixed(2)} statements each`,
    );
  } finally {
    await database.close();
    await site.remove();
  }
}

interface Spent {
  /** Each second. */
  rate: number;
  /** µs of this process for each: where others use the machine too, it says more than the rate. */
  cpu: number;
}

async function spentOn(count: number, work: () => Promise<void>): Promise<Spent> {
  const [started, spent] = [performance.now(), processorTime()];
  await work();
  return { rate: (count / (performance.now() - started)) * 1_000, cpu: (processorTime() - spent) / count };
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

async function isPending(database: Database): Promise<boolean> {
  const sql = "SELECT id FROM webhook_deliveries WHERE status = 'pending' ORDER BY status, id DESC LIMIT 1";
  return (await database.query(sql)).length > 0;
}

/** The same bytes, signed and posted over kept connections, and nothing written down. */
async function bareLoop(url: string, count: number, flight: number): Promise<void> {
  const dispatcher = new Agent({ connections: flight });
  const body = Buffer.from(JSON.stringify({ event: 'asset.created', data: 'x'.repeat(600) }));
  let left = count;
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
  await dispatcher.close();
}
