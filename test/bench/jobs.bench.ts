/** Jobs that do nothing: ours on each database beside pg-boss and BullMQ, in one run. Exits 1 when a job is lost or doubled. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import PgBoss from 'pg-boss';
import { silentLog } from '../../src/base/log.ts';
import { type Context, inTransaction } from '../../src/db/context.ts';
import { Database } from '../../src/db/database.ts';
import { Runner } from '../../src/jobs/runner.ts';
import * as jobs from '../../src/queue/jobs.ts';
import type { AnyKind } from '../../src/queue/kind.ts';
import { machine, median, processorTime } from './report.ts';
import { createSite, type Found, findDatabases, type Site } from './sites.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { rounds: text, dialects: text, redis: text, scale: text } });
const rounds = Number(values.rounds ?? '3');
const wanted = values.dialects?.split(',');
const redisUrl = values.redis ?? 'redis://127.0.0.1:6379/8';
const scale = Number(values.scale ?? '1');

interface Shape {
  batch: number;
  jobs: number;
  /** How many claim, each by itself. */
  claimers: number;
}

/** One at a time by sixteen, and fifty at a time by two. */
const shapes: Shape[] = [
  { batch: 1, jobs: 2_000 * scale, claimers: 16 },
  { batch: 50, jobs: 20_000 * scale, claimers: 2 },
];

/** Puts the jobs there, then answers a function that does them all and tells each by its number. */
type Rival = (shape: Shape, tell: (n: number) => void) => Promise<() => Promise<void>>;

console.log(`${machine()}; median of ${rounds} rounds`);
const found = (await findDatabases()).filter((one) => one.found && (!wanted || wanted.includes(one.dialect)));
for (const one of found) await onDatabase(one);
await onRedis();

async function onDatabase(one: Found): Promise<void> {
  const site = await createSite(one, 1);
  const database = new Database({ ...site.database, poolSize: 18 });
  try {
    let statements = 0;
    database.observe(() => {
      statements += 1;
    });
    await measure(`ours, ${one.title}`, ours(database), () => statements);
    if (one.dialect === 'postgres') await withBoss(site, (boss) => measure('pg-boss, PostgreSQL', bossOf(boss)));
  } finally {
    await database.close();
    await site.remove();
  }
}

/** `statements`: how many were sent so far, where that is known. */
async function measure(title: string, rival: Rival, statements?: () => number): Promise<void> {
  const rates: string[] = [];
  for (const shape of shapes) {
    const each: Spent[] = [];
    for (let round = 0; round < rounds; round += 1) each.push(await spentOn(shape, rival, statements));
    const mid = (of: keyof Spent) => median(each.map((spent) => spent[of]));
    const sent = statements ? `, ${mid('statements').toFixed(2)} statements` : '';
    rates.push(`batch ${shape.batch}: ${mid('rate').toFixed(0)}/s (${mid('cpu').toFixed(0)} µs${sent} each)`);
  }
  console.log(`${title.padEnd(22)} ${rates.join('   ')}`);
}

interface Spent {
  /** Each second. */
  rate: number;
  /** µs of processor time of this process for each: where others use the machine too, it says more than the rate. */
  cpu: number;
  statements: number;
}

async function spentOn(shape: Shape, rival: Rival, statements = () => 0): Promise<Spent> {
  const told = new Set<number>();
  const work = await rival(shape, (n) => {
    if (told.has(n)) throw new Error(`Job ${n} came twice.`);
    told.add(n);
  });
  const [started, cpu, sent] = [performance.now(), processorTime(), statements()];
  await work();
  const rate = (shape.jobs / (performance.now() - started)) * 1_000;
  if (told.size !== shape.jobs) throw new Error(`${shape.jobs - told.size} jobs were lost.`);
  return { rate, cpu: (processorTime() - cpu) / shape.jobs, statements: (statements() - sent) / shape.jobs };
}

function ours(database: Database): Rival {
  const actor = { kind: 'system', id: null, label: 'bench', role: 'admin', superuser: true } as const;
  const ctx: Context = { db: database, tenant: null, actor, now: () => new Date(), log: silentLog };
  return async ({ batch, jobs: count, claimers }, tell) => {
    await inTransaction(ctx, async (tx) => {
      for (let n = 0; n < count; n += 1) jobs.add(tx, { kind: 'noop', queue: 'system', payload: { n } });
    });
    let left = count;
    let end = () => {};
    const all = new Promise<void>((resolve) => {
      end = resolve;
    });
    const noop: AnyKind = {
      kind: 'noop',
      queue: 'system',
      settle: async (tx, { payload }) => {
        // Counted when it is committed, as it is begun anew when its group has to be.
        tx.db.afterCommit(() => {
          tell(payload.n);
          left -= 1;
          if (left === 0) end();
        });
        return undefined;
      },
    };
    const settings = { kinds: [noop], concurrency: batch, batch };
    const runners = Array.from({ length: claimers }, () => new Runner(ctx, database, settings, async () => ctx));
    return async () => {
      await Promise.all(runners.map((runner) => runner.start()));
      await all;
      await Promise.all(runners.map((runner) => runner.stop()));
    };
  };
}

async function withBoss(site: Site, work: (boss: PgBoss) => Promise<void>): Promise<void> {
  const { host, port, user, password, name } = site.database;
  const boss = new PgBoss({ host: host!, port: port!, user: user!, password: password!, database: name!, max: 18 });
  boss.on('error', (error) => console.error(error.message));
  await boss.start();
  try {
    await work(boss);
  } finally {
    await boss.stop({ graceful: false, wait: true });
  }
}

function bossOf(boss: PgBoss): Rival {
  return async ({ batch, jobs: count, claimers }, tell) => {
    const queue = `q${randomBytes(4).toString('hex')}`;
    await boss.createQueue(queue);
    for (let from = 0; from < count; from += 1_000)
      await boss.insert(
        Array.from({ length: Math.min(1_000, count - from) }, (_, n) => ({ name: queue, data: { n: from + n } })),
      );
    const claimer = async () => {
      for (;;) {
        const batchOf = await boss.fetch<{ n: number }>(queue, { batchSize: batch });
        if (batchOf.length === 0) return;
        await boss.complete(
          queue,
          batchOf.map(({ id }) => id),
        );
        for (const { data } of batchOf) tell(data.n);
      }
    };
    return async () => {
      await Promise.all(Array.from({ length: claimers }, claimer));
    };
  };
}

async function onRedis(): Promise<void> {
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: null, retryStrategy: () => null });
  connection.on('error', () => undefined);
  const [, appendfsync = 'unknown'] = await connection.config('GET', 'appendfsync').then(
    (answer) => answer as string[],
    () => [],
  );
  if (connection.status !== 'ready') return console.log('BullMQ: no Redis answers');
  await measure(`BullMQ, Redis ${appendfsync}`, bullOf(connection));
  connection.disconnect();
}

function bullOf(connection: Redis): Rival {
  return async ({ batch, jobs: count, claimers }, tell) => {
    const name = `bench-${randomBytes(4).toString('hex')}`;
    const queue = new Queue(name, { connection });
    for (let from = 0; from < count; from += 1_000)
      await queue.addBulk(
        Array.from({ length: Math.min(1_000, count - from) }, (_, n) => ({
          name: 'noop',
          data: { n: from + n },
          opts: { removeOnComplete: true },
        })),
      );
    let left = count;
    const work = async ({ data }: { data: { n: number } }) => {
      tell(data.n);
      left -= 1;
    };
    return async () => {
      // It has no batches: what is bounded is how many are under way.
      const options = { connection, concurrency: batch };
      const workers = Array.from({ length: claimers }, () => new Worker(name, work, options));
      while (left > 0) await sleep(2);
      await Promise.all(workers.map((worker) => worker.close()));
      await queue.obliterate({ force: true });
      await queue.close();
    };
  };
}
