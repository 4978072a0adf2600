import { afterAll, beforeAll, expect, it } from 'vitest';
import { Database } from '../../src/db/database.ts';
import * as locations from '../../src/domain/locations/service.ts';
import * as changes from '../../src/queue/changes.ts';
import { pruneChanges } from '../../src/queue/retention.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { unique } from '../support/samples.ts';
import { type TestSite, testSite } from '../support/site.ts';

onEveryDatabase('old changes', (dialect) => {
  let site: TestSite;
  let other: Database;
  beforeAll(async () => {
    site = await testSite(dialect);
    other = new Database(site.databaseConfig);
    const ctx = site.as('admin');
    await site.database.transaction(async (db) => {
      for (let number = 0; number < 3_500; number += 1)
        await locations.served.create({ ...ctx, db }, { name: 'Room', code: unique('L') });
    });
    await changes.catchUp(ctx);
  }, 120_000);
  afterAll(async () => {
    await other.close();
    await site.close();
  });

  const state = async () => {
    const { floor, head, changes: rest } = await changes.pull(site.as('admin'), 0, 1);
    return [floor, head, rest[0]!.seq];
  };
  const tomorrow = new Date(Date.now() + 86_400_000);

  it('stay while they are young', async () => {
    expect(await pruneChanges(site.database, new Date(Date.now() - 60_000))).toBe(0);
    expect(await state()).toEqual([0, 3_500, 1]);
  });

  it('go once, up to a floor that says so, though two daemons prune at the same moment', async () => {
    await Promise.all([site.database, other].map((database) => pruneChanges(database, tomorrow)));
    expect(await state()).toEqual([3_000, 3_500, 3_001]);
    await pruneChanges(other, tomorrow);
    expect(await state()).toEqual([3_000, 3_500, 3_001]);
  });
});
