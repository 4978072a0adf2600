import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { type Context, inTransaction } from '../../src/db/context.ts';
import { RedisDispatch } from '../../src/jobs/dispatch.ts';
import { Runner } from '../../src/jobs/runner.ts';
import * as jobs from '../../src/queue/jobs.ts';
import type { AnyKind } from '../../src/queue/kind.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { DatabaseProxy } from '../support/faults/proxy.ts';
import { until } from '../support/pty.ts';
import { type TestSite, testSite } from '../support/site.ts';

const url = process.env.ASSETRA_TEST_REDIS_URL ?? 'redis://127.0.0.1:6379/9';
const answers = await new Redis(url, { lazyConnect: true, retryStrategy: () => null })
  .on('error', () => undefined)
  .connect()
  .then(() => true)
  .catch(() => false);

describe.skipIf(!answers)('with a Redis that answers', () => {
  onEveryDatabase('jobs handed out by BullMQ', (dialect) => {
    let site: TestSite;
    let ctx: Context;
    let redis: Redis;
    const running: Runner[] = [];
    const prefix = `test-${randomBytes(4).toString('hex')}`;
    beforeAll(async () => {
      site = await testSite(dialect);
      ctx = site.as('admin');
      redis = new Redis(url);
    });
    afterEach(async () => {
      await Promise.all(running.splice(0).map((runner) => runner.stop()));
      await site.database.execute('DELETE FROM jobs');
    });
    afterAll(async () => {
      await redis.flushdb();
      redis.disconnect();
      await site.close();
    });

    const run = async (kind: AnyKind, at = url, queues?: string[]): Promise<void> => {
      const settings = { url: at, prefix, concurrency: 8, queues };
      const dispatch = new RedisDispatch(site.database, silentLog, settings);
      const runner = new Runner(
        ctx,
        site.database,
        { kinds: [kind], concurrency: 8, queues, dispatch },
        async () => ctx,
      );
      running.push(runner);
      await runner.start();
    };
    const add = (count: number, more: Partial<jobs.NewJob> = {}) =>
      inTransaction(ctx, async (tx) => {
        for (let n = 0; n < count; n += 1) jobs.add(tx, { kind: 'test', queue: 'system', payload: { n }, ...more });
      });
    const left = async () => (await site.database.query('SELECT id FROM jobs')).length;
    const counting = (done: number[], pause = 0): AnyKind => ({
      kind: 'test',
      queue: 'system',
      perform: () => sleep(pause),
      settle: async (_, job) => {
        done.push(job.id);
        return undefined;
      },
    });

    it('are each done once by two runners, delayed ones and tried ones too', async () => {
      const done: number[] = [];
      await run(counting(done));
      await run(counting(done));
      await add(150);
      await add(10, { delay: 300 });
      await until(async () => (await left()) === 0, 'the jobs to be done');
      expect([done.length, new Set(done).size]).toEqual([160, 160]);
    });

    it('are all done although Redis forgets everything in the middle', async () => {
      const done: number[] = [];
      await run(counting(done, 5));
      await add(400);
      await until(() => done.length > 50, 'some of the jobs');
      await redis.flushall();
      await add(100);
      await until(async () => (await left()) === 0, 'the jobs to be done', 40_000);
      expect([done.length, new Set(done).size]).toEqual([500, 500]);
    }, 60_000);

    it('of a queue that nobody works on keep none of another waiting', async () => {
      const done: number[] = [];
      await add(2_300, { queue: 'workflows' });
      await run(counting(done), url, ['system']);
      await add(5);
      await until(() => done.length === 5, 'the jobs of the queue', 5_000);
    });

    it('that wait here are given back when it stops, and it ends', async () => {
      const done: number[] = [];
      // Each queue has as many under way as all of them may have together.
      for (const queue of ['system', 'labels', 'workflows']) await add(20, { queue });
      await run(counting(done, 400));
      await until(() => done.length > 0, 'the first');
      const stopping = Date.now();
      await Promise.all(running.splice(0).map((runner) => runner.stop()));
      expect(Date.now() - stopping).toBeLessThan(9_000);
      const rows = await site.database.query<{ state: string }>('SELECT state FROM jobs');
      expect(new Set(rows.map(({ state }) => state))).toEqual(new Set(['ready']));
      expect(rows.length + done.length).toBe(60);
    });

    it('are taken from the database while Redis is away', async () => {
      const { hostname, port, pathname } = new URL(url);
      const proxy = await new DatabaseProxy({ host: hostname, port: Number(port || 6379) }).start();
      const through = `redis://127.0.0.1:${proxy.port}${pathname}`;
      const done: number[] = [];
      await run(counting(done), through);
      await add(20);
      await until(async () => (await left()) === 0, 'the first jobs');
      await proxy.cut();
      await add(20);
      await until(async () => (await left()) === 0, 'the other jobs');
      expect(new Set(done).size).toBe(40);
    });
  });
});
