/** What lies between the daemon and its database goes away, slows down or swallows everything, under load. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ensureBuilt } from '../cli/spawn.ts';
import { onEveryServer } from '../support/databases.ts';
import { type OwnDatabase, ownDatabase } from '../support/faults/own-database.ts';
import { DatabaseProxy } from '../support/faults/proxy.ts';
import { bound, Stage } from '../support/faults/stage.ts';

onEveryServer('a database at the end of a bad line', (dialect) => {
  let stage: Stage;
  let proxy: DatabaseProxy;
  let own: OwnDatabase | undefined;
  beforeAll(async () => {
    ensureBuilt();
    own = await ownDatabase(dialect);
    proxy = await new DatabaseProxy(own).start();
    stage = new Stage({ database: own.url(proxy.port), direct: own.url() });
    await stage.start();
  }, 300_000);
  beforeEach(() => stage.again());
  afterAll(async () => {
    await stage?.stop();
    await proxy?.stop();
    await own?.drop();
  });

  /** Every request is refused properly and in time, and scans are taken again once the line is good. */
  async function expectOutage(begin: () => Promise<void> | void): Promise<void> {
    await begin();
    const asked = performance.now();
    const [probes, read] = await Promise.all([stage.probes(), stage.admin.get('assets/'), stage.refusing(16)]);
    expect(performance.now() - asked).toBeLessThan(bound);
    expect(probes).toEqual({ alive: 200, health: 503 });
    expect([read.status, read.headers.has('Retry-After')]).toEqual([503, true]);
    await proxy.pass();
    await stage.expectHealed();
    await stage.expectNothingLost();
    stage.expectProperRefusals();
  }

  it('that is cut refuses with 503 until it is whole again', () => expectOutage(() => proxy.cut()), 60_000);

  it(
    'that swallows everything refuses with 503 until it is whole again',
    () => expectOutage(() => proxy.blackhole()),
    60_000,
  );

  it('that is slow is slow, and right', async () => {
    proxy.slow(100);
    await stage.flowing(16);
    await stage.writers.stop();
    await proxy.pass();
    await stage.expectNothingLost();
    expect([stage.writers.refused, stage.writers.cutOff]).toEqual([[], []]);
    expect(stage.writers.slowest).toBeGreaterThan(200);
  }, 60_000);
});
