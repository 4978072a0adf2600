import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { Context } from '../../src/db/context.ts';
import { Database, type Row } from '../../src/db/database.ts';
import { Scheduler } from '../../src/jobs/schedule.ts';
import type { Schedule } from '../../src/queue/kind.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { until } from '../support/pty.ts';
import { type TestSite, testSite } from '../support/site.ts';

onEveryDatabase('the schedule', (dialect) => {
  let site: TestSite;
  let ctx: Context;
  const started: Scheduler[] = [];
  beforeAll(async () => {
    site = await testSite(dialect);
    ctx = site.as('admin');
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((scheduler) => scheduler.stop()));
    for (const table of ['jobs', 'cron_ticks']) await site.database.execute(`DELETE FROM ${table}`);
  });
  afterAll(() => site.close());

  const schedule = (task: string, cron: string, timezone = 'UTC'): Schedule => ({
    task,
    cron,
    timezone,
    job: { kind: task, queue: 'system', payload: {} },
  });
  const scheduler = (schedules: Schedule[], db = ctx.db): Scheduler => {
    const made = new Scheduler({ ...ctx, db }, async () => schedules);
    started.push(made);
    return made;
  };
  const kinds = async () =>
    (await site.database.query<Row>('SELECT kind FROM jobs ORDER BY id')).map(({ kind }) => kind);

  it('enqueues each tick once with three runners on two connections', async () => {
    const elsewhere = new Database(site.databaseConfig);
    const every = [schedule('each-second', '* * * * * *')];
    for (const db of [ctx.db, elsewhere, elsewhere]) scheduler(every, db).start();
    const ticks = async () => (await site.database.query('SELECT tick_at FROM cron_ticks')).length;
    await until(async () => (await ticks()) >= 4, 'four ticks');
    await Promise.all(started.splice(0).map((each) => each.stop()));
    expect((await kinds()).length).toBe(await ticks());
    await elsewhere.close();
  });

  it('reads five fields in the time zone of the schedule', async () => {
    const one = scheduler([schedule('berlin', '0 6 * * 1', 'Europe/Berlin'), schedule('utc', '0 6 * * 1')]);
    await one.load();
    const looked = async (...times: string[]) => {
      await site.database.execute('DELETE FROM jobs');
      for (const time of times) await one.look(Date.parse(time));
      return kinds();
    };
    // 2027-06-07 is a Monday, and Berlin has summer time.
    await looked('2027-06-07T03:59:59.500Z');
    expect(await looked('2027-06-07T03:59:59.900Z')).toEqual([]);
    expect(await looked('2027-06-07T04:00:00.100Z', '2027-06-07T04:00:01.100Z')).toEqual(['berlin']);
    expect(await looked('2027-06-07T05:59:59.900Z')).toEqual([]);
    expect(await looked('2027-06-07T06:00:00.000Z', '2027-06-07T06:00:59.000Z')).toEqual(['utc']);
  });

  it('makes up for the last of the ticks that nobody was there for, and for no older ones', async () => {
    const hour = 3_600_000;
    const now = Math.floor(Date.now() / hour) * hour + 1_000;
    await site.database.insertMany('cron_ticks', [{ task: 'hourly', tick_at: now - 5 * hour - 1_000 }]);
    const one = scheduler([schedule('hourly', '0 * * * *'), schedule('new', '0 * * * *')]);
    await one.load();
    await one.look(now);
    await one.look(now + 1_000);
    expect(await kinds()).toContain('hourly');
    expect((await kinds()).filter((kind) => kind === 'hourly')).toHaveLength(1);
    const [latest] = await site.database.query<Row>(
      "SELECT MAX(tick_at) AS tick FROM cron_ticks WHERE task = 'hourly'",
    );
    expect(Number(latest!.tick)).toBe(now - 1_000);
  });
});
