/** Deliveries whose runner is killed with -9, frozen, or has its database taken away: nothing is lost, and nothing succeeds twice. */
import { afterEach, beforeAll, expect, it } from 'vitest';
import { Receiver } from '../../src/cli/simulate/receiver.ts';
import { Database, type Row } from '../../src/db/database.ts';
import { ensureBuilt } from '../cli/spawn.ts';
import { onEveryDatabase, onEveryServer } from '../support/databases.ts';
import { Daemon } from '../support/faults/daemon.ts';
import { type OwnDatabase, ownDatabase } from '../support/faults/own-database.ts';
import { DatabaseProxy } from '../support/faults/proxy.ts';
import { Stage } from '../support/faults/stage.ts';
import { until } from '../support/pty.ts';

/** Each costs some seconds, and its data stay for the next. */
const kills = Math.min(6, Number(process.env.ASSETRA_TEST_KILLS ?? 4));
const env = { ASSETRA_WEBHOOK_ALLOWED_HOSTS: 'external,private,loopback' };
const secret = 'a secret of tests';

beforeAll(() => ensureBuilt(), 300_000);

/** Everything that a test makes, ended in the order of its making turned round. */
const ending: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

async function stageOn(
  own: OwnDatabase | undefined,
  flags: string[] = [],
  proxied?: number,
): Promise<{ stage: Stage; database: Database }> {
  const stage = new Stage({ database: own?.url(proxied), direct: own?.url(), writers: 8, env, flags });
  ending.push(() => stage.stop());
  await stage.start();
  const database = new Database(stage.config);
  ending.push(() => database.close());
  return { stage, database };
}

async function receiver(hear: () => void = () => undefined): Promise<{ sink: Receiver; url: string }> {
  const sink = new Receiver({ secret, hear });
  ending.push(() => sink.stop());
  return { sink, url: await sink.start() };
}

async function ownOf(dialect: 'sqlite' | 'postgres' | 'mysql'): Promise<OwnDatabase | undefined> {
  if (dialect === 'sqlite') return undefined;
  const own = await ownDatabase(dialect);
  ending.push(() => own.drop());
  return own;
}

const endpoint = (stage: Stage, url: string, events: string[]) =>
  stage.admin.post('webhooks/', { name: 'Sink', url, secret, events, max_attempts: 20 });
const counted = async (database: Database, sql: string) => Number((await database.query<Row>(sql))[0]!.count);
const open = (database: Database) =>
  counted(database, "SELECT COUNT(*) AS count FROM webhook_deliveries WHERE status = 'pending'");

/** Each scan that was stored has its event, each event its delivery, which the receiver had, and no runner spent an attempt by dying. */
async function expectAllDelivered(stage: Stage, database: Database, sink: Receiver): Promise<void> {
  await until(async () => (await open(database)) === 0, 'every delivery to be made', 120_000);
  const scans = (await database.query<Row>('SELECT id FROM scan_events ORDER BY id')).map(({ id }) => id);
  const events = await database.query<Row>("SELECT entity_id FROM outbox_events WHERE name = 'scan.created'");
  expect(events.map(({ entity_id }) => entity_id).sort((one, two) => Number(one) - Number(two))).toEqual(scans);
  const heard = sink.received.map(({ body }) => JSON.parse(body));
  expect(new Set(heard.map(({ scan_event_id }) => scan_event_id)).size).toBe(scans.length);
  expect(sink.received.every(({ signature, standard_signature }) => signature && standard_signature)).toBe(true);
  // One that came twice came as the same message, byte for byte.
  const messages = new Map<string, Set<string>>();
  for (const { id, delivery, body } of sink.received)
    messages.set(id, (messages.get(id) ?? new Set()).add(`${delivery} ${body}`));
  expect([...messages.values()].filter(({ size }) => size > 1)).toEqual([]);
  expect(new Set(heard.map(({ sequence }) => sequence)).size).toBe(messages.size);
  expect(await counted(database, "SELECT COUNT(*) AS count FROM webhook_deliveries WHERE status <> 'success'")).toBe(0);
  expect(await counted(database, 'SELECT COUNT(*) AS count FROM webhook_deliveries WHERE attempt_count > 1')).toBe(0);
  expect(await counted(database, "SELECT COUNT(*) AS count FROM jobs WHERE kind = 'webhook.deliver'")).toBe(0);
  expect(stage.writers.refused).toEqual([]);
}

onEveryDatabase('deliveries', (dialect) => {
  it(
    'reach their receiver although the daemon is killed at random, and as soon as it has sent',
    async () => {
      const { stage, database } = await stageOn(await ownOf(dialect));
      let killing = 0;
      let dying: Promise<void> | undefined;
      const { sink, url } = await receiver(() => {
        // Between the sending and the commit: the receiver has it, and the sender never hears of it.
        if (killing === 0 || dying) return;
        killing -= 1;
        dying = stage.daemon.restart('SIGKILL').finally(() => {
          dying = undefined;
        });
      });
      await stage.writers.stop();
      expect((await endpoint(stage, url, ['scan.created'])).status).toBe(201);
      await database.execute('DELETE FROM scan_events WHERE id > 0');
      stage.writers.clear();
      stage.writers.start();
      for (let round = 0; round < kills; round += 1) {
        await stage.flowing(1);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 300));
        if (round % 2) await stage.daemon.restart('SIGKILL');
        else {
          killing = 1;
          await until(() => killing === 0, 'the receiver to kill', 20_000);
          while (dying) await dying;
        }
      }
      await stage.flowing(1);
      await stage.writers.stop();
      await stage.writers.settle();
      await expectAllDelivered(stage, database, sink);
    },
    240_000 + kills * 40_000,
  );
});

onEveryServer('deliveries by runners of their own', (dialect) => {
  it('are another runner’s when one is frozen for longer than its lease, and the frozen one has no say any more', async () => {
    const { stage, database } = await stageOn(await ownOf(dialect), ['--no-jobs']);
    await stage.writers.stop();
    const [frozen, heir] = [1, 2].map(() => new Daemon(stage.dir, { command: 'work', env }));
    for (const runner of [frozen!, heir!]) ending.push(() => runner.kill());
    await frozen!.start();
    let first = true;
    const { sink, url } = await receiver(() => {
      if (first) frozen!.freeze();
      first = false;
    });
    await endpoint(stage, url, ['asset.created']);
    await stage.admin.post('assets/', { asset_tag: 'FROZEN', name: 'Drill' });
    await until(() => sink.received.length === 1, 'the first runner to send');
    await heir!.start();
    await until(async () => (await open(database)) === 0, 'the other runner to deliver', 60_000);
    expect(sink.received.map(({ delivery, attempt }) => [delivery, attempt])).toEqual(
      Array(2).fill([sink.received[0]!.delivery, 1]),
    );
    const before = await database.query('SELECT * FROM webhook_deliveries ORDER BY id');
    frozen!.thaw();
    await stage.admin.post('assets/', { asset_tag: 'AFTER', name: 'Drill' });
    await until(() => sink.received.length === 3, 'the next delivery');
    await until(async () => (await open(database)) === 0, 'its end');
    expect((await database.query('SELECT * FROM webhook_deliveries ORDER BY id')).slice(0, -1)).toEqual(before);
    expect(frozen!.errors()).toBe('');
  }, 120_000);

  it('go on after the database was away', async () => {
    const own = (await ownOf(dialect))!;
    const proxy = await new DatabaseProxy(own).start();
    ending.push(() => proxy.cut());
    const { stage, database } = await stageOn(own, [], proxy.port);
    await stage.writers.stop();
    const { sink, url } = await receiver();
    await endpoint(stage, url, ['scan.created']);
    await database.execute('DELETE FROM scan_events WHERE id > 0');
    stage.writers.start();
    await stage.flowing(20);
    await proxy.cut();
    await stage.refusing(5);
    await proxy.pass();
    await stage.flowing(20);
    await stage.writers.stop();
    await stage.writers.settle();
    stage.writers.clear();
    await expectAllDelivered(stage, database, sink);
  }, 180_000);
});
