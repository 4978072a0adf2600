import { setTimeout as sleep } from 'node:timers/promises';
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

  it('enqueues once what comes at a time that the wall shows twice or never, with two runners', async () => {
    const night = schedule('night', '30 2 * * *', 'Europe/Berlin');
    const hourly = schedule('hourly', '30 * * * *', 'Europe/Berlin');
    const pair = [scheduler([night, hourly]), scheduler([night, hourly])];
    for (const one of pair) await one.load();
    const through = async (...times: string[]) => {
      await site.database.execute('DELETE FROM jobs');
      for (const time of times) for (const one of pair) await one.look(Date.parse(time));
      return (await kinds()).sort();
    };
    await through('2027-03-28T00:29:30Z');
    expect(await through('2027-03-28T00:30:30Z', '2027-03-28T01:00:01Z', '2027-03-28T01:30:01Z')).toEqual([
      'hourly',
      'hourly',
      'night',
    ]);
    await through('2027-10-31T00:29:30Z');
    expect(await through('2027-10-31T00:30:01Z', '2027-10-31T01:30:01Z')).toEqual(['hourly', 'hourly', 'night']);
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

  it('keeps the ticks of the others when one cannot be read', async () => {
    const one = scheduler([schedule('first', '* * * * *'), schedule('bad', 'no cron'), schedule('last', '* * * * *')]);
    await one.load();
    const now = Math.ceil(Date.now() / 60_000) * 60_000 + 60_000;
    await expect(one.look(now)).rejects.toThrow();
    expect(await kinds()).toEqual(['first', 'last']);
  });

  it('makes up for no tick from before a schedule was changed, unless the change is still to come', async () => {
    const hour = 3_600_000;
    const now = Date.now();
    const past = { tick_at: now - 10 * hour };
    const tasks = ['changed', 'unchanged', 'ahead'];
    await site.database.insertMany(
      'cron_ticks',
      tasks.map((task) => ({ task, ...past })),
    );
    const [changed, unchanged, ahead] = tasks.map((task) => schedule(task, '0 * * * *'));
    // A machine whose clock is two days ahead wrote it.
    const one = scheduler([{ ...changed!, since: now }, unchanged!, { ...ahead!, since: now + 48 * hour }]);
    await one.load();
    await one.look(Date.now());
    expect(await kinds()).toEqual(['unchanged', 'ahead']);
  });

  it('begins anew with one that was taken away and comes again', async () => {
    const listed: Schedule[] = [schedule('each-minute', '* * * * *')];
    const one = scheduler(listed);
    await one.load();
    const [task] = listed.splice(0);
    await one.load();
    await sleep(5);
    listed.push({ ...task!, since: Date.now() - 1 });
    await one.load();
    // Never ticked, so it starts with the second before it was seen: no minute of the past is made up for.
    const now = Date.now();
    await one.look(now);
    const ticks = await site.database.query<Row>('SELECT tick_at FROM cron_ticks');
    for (const { tick_at } of ticks) expect(Number(tick_at)).toBeGreaterThan(now - 2_000);
  });
});
