import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import { historyGuard } from '../../src/db/guards.ts';
import { down, up } from '../../src/db/migrate.ts';
import * as assets from '../../src/domain/assets/service.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { type TestSite, testSite } from '../support/site.ts';

onEveryDatabase('history', (dialect) => {
  let site: TestSite;
  let database: Database;
  beforeAll(async () => {
    site = await testSite(dialect);
    database = site.database;
    await assets.served.create(site.as('admin'), { asset_tag: 'T-1', name: 'Drill' });
  });
  afterAll(() => site.close());

  const records = () => database.query('SELECT * FROM asset_state_history ORDER BY id');
  const refused = /asset_state_history is insert-only/;

  it('takes no update and no delete', async () => {
    const before = await records();
    await expect(database.execute("UPDATE asset_state_history SET event_type = 'move'")).rejects.toThrow(refused);
    await expect(database.execute('DELETE FROM asset_state_history')).rejects.toThrow(refused);
    expect(before).toHaveLength(1);
    expect(await records()).toEqual(before);
  });

  if (dialect === 'postgres')
    it('takes no truncate', async () => {
      await expect(database.execute('TRUNCATE asset_state_history')).rejects.toThrow(refused);
      expect(await records()).toHaveLength(1);
    });

  if (dialect === 'sqlite')
    it('takes no replacing insert, whatever the connection has set', async () => {
      const before = await records();
      const replace = 'INSERT OR REPLACE INTO asset_state_history SELECT * FROM asset_state_history';
      await expect(database.execute(replace)).rejects.toThrow(refused);
      await database.execute('PRAGMA recursive_triggers = OFF');
      await expect(database.execute(replace)).rejects.toThrow(refused);
      expect(await records()).toEqual(before);
    });

  it('goes on taking records', async () => {
    const { id } = await assets.served.create(site.as('admin'), { asset_tag: 'T-2', name: 'Saw' });
    await assets.served.remove(site.as('admin'), id);
    expect(await records()).toHaveLength(3);
  });

  it('has a guard whose absence is told, and which a migration brings back', async () => {
    expect((await historyGuard(database)).missing).toEqual([]);
    while ((await down(database))[0] !== '0006_change_log');
    expect((await historyGuard(database)).missing).toContain('history_seals_no_delete');
    expect(await down(database)).toEqual(['0005_history_guard']);
    expect((await historyGuard(database)).missing).toContain('asset_state_history_no_delete');
    await up(database);
    expect((await historyGuard(database)).missing).toEqual([]);
  });
});
