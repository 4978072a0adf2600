/** Two daemons and two runners over one database: each tick once, each job once, and no lock of the database is anyone's trouble. */
import { afterEach, beforeAll, expect, it } from 'vitest';
import { Receiver } from '../../src/cli/simulate/receiver.ts';
import { Database, type Row } from '../../src/db/database.ts';
import { ensureBuilt } from '../cli/spawn.ts';
import { onEveryServer } from '../support/databases.ts';
import { Daemon } from '../support/faults/daemon.ts';
import { ownDatabase } from '../support/faults/own-database.ts';
import { Stage } from '../support/faults/stage.ts';
import { Writers } from '../support/faults/writers.ts';
import { until } from '../support/pty.ts';

const env = { ASSETRA_WEBHOOK_ALLOWED_HOSTS: 'external,private,loopback' };

beforeAll(() => ensureBuilt(), 300_000);

const ending: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

onEveryServer('two daemons and two runners', (dialect) => {
  it('do each job once and miss no tick', async () => {
    const own = await ownDatabase(dialect);
    ending.push(() => own.drop());
    const stage = new Stage({ database: own.url(), writers: 8, env });
    ending.push(() => stage.stop());
    await stage.start();
    const others = [
      new Daemon(stage.dir, { env }),
      new Daemon(stage.dir, { command: 'work', env }),
      new Daemon(stage.dir, { command: 'work', env }),
    ];
    for (const other of others) {
      ending.push(() => other.kill());
      await other.start();
    }
    const database = new Database(stage.config);
    ending.push(() => database.close());
    const sink = new Receiver({ secret: 'hush' });
    ending.push(() => sink.stop());
    const url = await sink.start();
    await stage.writers.stop();
    const definition = (name: string, more: object) =>
      stage.admin.post('workflow-definitions/', {
        name,
        steps: [{ action: 'set_output', key: 'ran', value: 1 }],
        ...more,
      });
    const trigger = await definition('Each scan', { trigger_type: 'on_scan' });
    const clock = await definition('Each second', {
      trigger_type: 'on_time',
      entry_conditions: { cron: '* * * * * *' },
    });
    const made = await stage.admin.post('webhooks/', { name: 'Sink', url, secret: 'hush', events: ['scan.created'] });
    expect([trigger.status, clock.status, made.status]).toEqual([201, 201, 201]);
    const [last] = await database.query<Row>('SELECT MAX(id) AS id FROM scan_events');
    const second = new Writers(others[0]!.address, stage.admin.headers, { count: 8, codes: ['A-1', 'A-2', 'A-3'] });
    ending.push(() => second.close());
    stage.writers.start();
    second.start();
    // The list of schedules is read every ten seconds.
    await new Promise((resolve) => setTimeout(resolve, 15_000));
    await Promise.all([stage.writers.stop(), second.stop()]);
    const waiting = async () => {
      const sql = "SELECT COUNT(*) AS count FROM jobs WHERE kind IN ('webhook.deliver', 'workflow.trigger')";
      return Number((await database.query<Row>(sql))[0]!.count);
    };
    await until(async () => (await waiting()) === 0, 'every job to be done', 120_000);

    const count = async (sql: string, params: number[] = []) =>
      Number((await database.query<Row>(`SELECT COUNT(*) AS count FROM ${sql}`, params))[0]!.count);
    const scans = await count('scan_events WHERE id > ?', [Number(last!.id)]);
    expect(scans).toBeGreaterThan(50);
    const runs = (id: number) => count('workflow_runs WHERE workflow_id = ?', [id]);
    expect(await runs(trigger.body.id)).toBe(scans);
    expect(await count("workflow_runs WHERE status <> 'success'")).toBe(0);
    const heard = sink.received.map(({ body }) => JSON.parse(body).scan_event_id);
    expect([heard.length, new Set(heard).size]).toEqual([scans, scans]);
    const ticks = await count(`cron_ticks WHERE task LIKE '%${clock.body.id}%' AND tick_at % 1000 = 0`);
    await until(async () => (await runs(clock.body.id)) >= ticks, 'the runs of the ticks');
    expect(ticks).toBeGreaterThanOrEqual(3);
    const lines = [stage.daemon, ...others].flatMap((one) => [...one.lines(), one.errors()]);
    expect(lines.filter((line) => /"level":"(WARNING|ERROR)"|deadlock|lock wait/i.test(line))).toEqual([]);
  }, 240_000);
});
