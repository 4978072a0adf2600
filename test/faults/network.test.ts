/** What lies between the daemon and its database goes away, slows down or swallows everything, under load. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ensureBuilt } from '../cli/spawn.ts';
import { emptyDatabase, onEveryServer } from '../support/databases.ts';
import { urlOf } from '../support/faults/database-url.ts';
import { DatabaseProxy } from '../support/faults/proxy.ts';
import { expectProperRefusals, raise, type Stage } from '../support/faults/stage.ts';
import { until } from '../support/pty.ts';

/** No answer may take longer, whatever the database does. In ms. */
const bound = 15_000;

onEveryServer('a database at the end of a bad line', (dialect) => {
  let stage: Stage;
  let proxy: DatabaseProxy;
  let drop: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    ensureBuilt();
    const { config, remove } = await emptyDatabase(dialect);
    drop = remove;
    proxy = await new DatabaseProxy({ host: config.host!, port: config.port! }).start();
    stage = await raise({ database: urlOf(config, proxy.port), direct: urlOf(config) });
  }, 300_000);
  beforeEach(async () => {
    stage.writers.clear();
    stage.writers.start();
    await stage.flowing();
  });
  afterAll(async () => {
    await stage?.close();
    await proxy?.stop();
    const dropped = () =>
      drop!().then(
        () => true,
        () => false,
      );
    // The server takes a moment to notice that its clients are gone.
    if (drop) await until(dropped, 'the database to be dropped');
  });

  /** Every scan is refused properly and in time, and taken again once the line is good. */
  async function expectOutage(begin: () => Promise<void> | void): Promise<void> {
    const { daemon, writers, admin } = stage;
    await begin();
    await stage.refusing(20);
    expect(await stage.probes()).toEqual({ alive: 200, health: 503 });
    const read = await admin.get('assets/');
    expect([read.status, read.headers.get('Retry-After') === null]).toEqual([503, false]);
    await proxy.pass();
    await stage.flowing();
    await until(async () => (await stage.probes()).health === 200, 'the daemon to be healthy');
    await stage.expectNothingLost();
    expectProperRefusals(writers.refused);
    expect(writers.cutOff).toEqual([]);
    expect(writers.slowest).toBeLessThan(bound);
    expect([daemon.running, daemon.errors()]).toEqual([true, '']);
  }

  it('that is cut refuses with 503 until it is whole again', () => expectOutage(() => proxy.cut()), 60_000);

  it(
    'that swallows everything refuses with 503 until it is whole again',
    () => expectOutage(() => proxy.blackhole()),
    90_000,
  );

  it('that is slow is slow, and right', async () => {
    proxy.slow(100);
    await stage.flowing(16);
    await stage.writers.stop();
    await proxy.pass();
    await stage.expectNothingLost();
    expect([stage.writers.refused, stage.writers.cutOff]).toEqual([[], []]);
  }, 60_000);
});
