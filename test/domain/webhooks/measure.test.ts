import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { metrics } from '../../../src/base/metrics.ts';
import { replayOne } from '../../../src/domain/webhooks/replay.ts';
import * as webhooks from '../../../src/domain/webhooks/service.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { planOf } from '../../support/plans.ts';
import { testSite } from '../../support/site.ts';
import { Plant } from '../../support/webhooks.ts';

onEveryDatabase('what is measured of webhooks', (dialect) => {
  let plant: Plant;
  beforeAll(async () => {
    plant = new Plant(await testSite(dialect));
  });
  afterEach(() => plant.stop());
  afterAll(() => plant.site.close());

  const later = (seconds: number) => ({ ...plant.ctx, now: () => new Date(Date.now() + seconds * 1_000) });
  const oldest = async (seconds = 0) => {
    await webhooks.measure(later(seconds));
    return (await metrics.oldestDelivery.get()).values[0]!.value;
  };
  const age = (id: unknown, seconds: number) =>
    plant.site.database.execute('UPDATE webhook_deliveries SET pending_since = ? WHERE id = ?', [
      new Date(Date.now() - seconds * 1_000).toISOString(),
      id as number,
    ]);

  it('the oldest pending delivery is the one that waits longest, whatever its id', async () => {
    const endpoint = await plant.endpoint('http://127.0.0.1:1/');
    expect(await oldest(100)).toBe(0);
    await plant.raise([1, 2, 3]);
    expect(await oldest(100)).toBeGreaterThan(99);
    const [first, , third] = await plant.deliveries(endpoint.id);
    await age(first!.id, 1_000);
    await age(third!.id, 5_000);
    // Sent again just now, the oldest message waits since then.
    await replayOne(plant.ctx, first!.id as number);
    expect(Math.round(await oldest())).toBeGreaterThanOrEqual(5_000);
    await plant.site.database.execute("UPDATE webhook_deliveries SET status = 'success' WHERE id = ?", [
      third!.id as number,
    ]);
    expect(await oldest(50)).toBeLessThan(100);
    expect(await oldest(50)).toBeGreaterThan(49);
  });

  it('a delivery to a disabled endpoint is not pending', async () => {
    await plant.endpoint('http://127.0.0.1:1/', { is_active: false });
    await plant.raise([1]);
    expect(await oldest(100)).toBe(0);
  });

  it('the oldest is found by an index', async () => {
    const endpoint = await plant.endpoint('http://127.0.0.1:1/');
    await plant.raise(Array.from({ length: 500 }, (_, n) => n));
    await plant.site.database.execute(
      "UPDATE webhook_deliveries SET status = 'success' WHERE endpoint_id = ? AND id % 50 > 0",
      [endpoint.id],
    );
    const plan = await planOf(plant.site, 'webhook_deliveries', webhooks.oldestPending);
    expect(plan).toContain('webhook_deliveries_pending');
  });
});
