/** Ends of jobs that share a commit, with each other and with the next claims. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Context, inShared, inTransaction } from '../../src/db/context.ts';
import type { Row } from '../../src/db/database.ts';
import { Transaction } from '../../src/db/transaction.ts';
import { Runner } from '../../src/jobs/runner.ts';
import * as claims from '../../src/queue/claims.ts';
import * as jobs from '../../src/queue/jobs.ts';
import type { AnyKind, Job } from '../../src/queue/kind.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { until } from '../support/pty.ts';
import { unique } from '../support/samples.ts';
import { type TestSite, testSite } from '../support/site.ts';

onEveryDatabase('ends of jobs that share a commit', (dialect) => {
  let site: TestSite;
  let ctx: Context;
  const { execute, commit } = Transaction.prototype;
  beforeAll(async () => {
    site = await testSite(dialect);
    ctx = site.as('admin');
  });
  afterEach(async () => {
    Object.assign(Transaction.prototype, { execute, commit });
    await site.database.execute('DELETE FROM jobs');
  });
  afterAll(() => site.close());

  const runner = { id: 1 };
  const add = (count: number, more: Partial<jobs.NewJob> = {}) =>
    inTransaction(ctx, async (tx) => {
      for (let n = 0; n < count; n += 1) jobs.add(tx, { kind: 'test', queue: 'system', payload: { n }, ...more });
    });
  /** Each under a token of its own. */
  const claimEach = async (count: number) => {
    const claimed: Job[] = [];
    for (let n = 0; n < count; n += 1) claimed.push(...(await claims.claim(site.database, runner, 1)));
    expect(new Set(claimed.map(({ token }) => token)).size).toBe(count);
    return claimed;
  };
  const states = () => site.database.query<Row>('SELECT state, lease_token FROM jobs ORDER BY id');
  const place = (tx: Context, code: string) =>
    tx.db.insert('locations', {
      tenant_id: site.plant.id,
      name: code,
      code,
      address: '',
      metadata: '{}',
      created_at: '2026-01-01T00:00:00.000Z',
      updated_at: '2026-01-01T00:00:00.000Z',
    });
  const places = async (prefix: string) =>
    (await site.database.query<Row>('SELECT code FROM locations WHERE code LIKE ? ORDER BY id', [`${prefix}%`])).map(
      ({ code }) => code,
    );
  const end = (job: Job, prefix = unique('END')) =>
    inShared(ctx, async (tx) => {
      await place(tx, `${prefix}-${job.payload.n}`);
      jobs.complete(tx, job);
    });

  it('are written with one statement, whatever claims they are of', async () => {
    await add(12);
    const claimed = await claimEach(12);
    const statements: string[] = [];
    Transaction.prototype.execute = function (sql, params) {
      if (/\bjobs\b/.test(sql)) statements.push(sql);
      return execute.call(this, sql, params);
    };
    // The first group is begun by whoever comes first; all come in the same turn.
    await Promise.all(claimed.map((job) => end(job)));
    expect(statements).toHaveLength(1);
    expect(await states()).toEqual([]);
  });

  it('keep the rows that are to be kept', async () => {
    await add(2);
    await add(2, { keep: true });
    await Promise.all((await claimEach(4)).map((job) => end(job)));
    expect(await states()).toEqual(Array(2).fill({ state: 'done', lease_token: null }));
  });

  it('are refused one by one: who lost its lease loses what it wrote, and the others do not', async () => {
    await add(6);
    const claimed = await claimEach(6);
    const lost = claimed[2]!;
    // Another claim has it by now, and one of those that end here is of the very same.
    const heir = claimed[4]!.token;
    await site.database.execute('UPDATE jobs SET lease_token = ? WHERE id = ?', [heir, lost.id]);
    const prefix = unique('LOST');
    const answers = await Promise.allSettled(claimed.map((job) => end(job, prefix)));
    expect(answers.map(({ status }) => status)).toEqual(
      claimed.map((job) => (job === lost ? 'rejected' : 'fulfilled')),
    );
    expect((answers[2] as PromiseRejectedResult).reason).toBeInstanceOf(jobs.LostLease);
    expect(await states()).toEqual([{ state: 'active', lease_token: heir }]);
    expect((await places(prefix)).sort()).toEqual([0, 1, 3, 4, 5].map((n) => `${prefix}-${n}`));
  });

  it('do not fail with one of them that fails after it has written', async () => {
    const prefix = unique('BAD');
    const kind: AnyKind = {
      kind: 'test',
      queue: 'system',
      settle: async (tx, job) => {
        await place(tx, `${prefix}-${job.payload.n}`);
        if (job.payload.n === 3) throw new Error('a bad end');
        return undefined;
      },
    };
    await add(8);
    const working = new Runner(ctx, site.database, { kinds: [kind], concurrency: 8 }, async () => ctx);
    await working.start();
    await until(async () => (await states()).every(({ state }) => state === 'waiting'), 'the other seven');
    await working.stop();
    expect(await site.database.query('SELECT attempts, last_error FROM jobs')).toEqual([
      { attempts: 1, last_error: 'a bad end' },
    ]);
    expect((await places(prefix)).sort()).toEqual([0, 1, 2, 4, 5, 6, 7].map((n) => `${prefix}-${n}`));
  });

  it('share it with the claim of the next', async () => {
    await add(4);
    const claimed = await claimEach(2);
    let commits = 0;
    Transaction.prototype.commit = function () {
      commits += 1;
      return commit.call(this);
    };
    const [next] = await Promise.all([claims.claim(site.database, runner, 5, true), ...claimed.map((job) => end(job))]);
    expect(commits).toBe(1);
    expect(next.map(({ payload }) => payload.n)).toEqual([2, 3]);
    expect(await states()).toEqual(Array(2).fill({ state: 'active', lease_token: next[0]!.token }));
  });

  it('leave a claim as it is told, though its group had to begin anew', async () => {
    await add(3);
    const failing = inShared(ctx, async (tx) => {
      await place(tx, unique('UNDONE'));
      throw new Error('a fault of our own');
    });
    const [claimed, failed] = await Promise.allSettled([claims.claim(site.database, runner, 5, true), failing]);
    expect(failed.status).toBe('rejected');
    const told = (claimed as PromiseFulfilledResult<Job[]>).value;
    expect(told.map(({ payload }) => payload.n)).toEqual([0, 1, 2]);
    expect(await states()).toEqual(Array(3).fill({ state: 'active', lease_token: told[0]!.token }));
  });
});
