import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { onEveryDatabase } from '../support/databases.ts';
import { type TestSite, testSite } from '../support/site.ts';

onEveryDatabase('what is done after a commit', (dialect) => {
  let site: TestSite;
  beforeAll(async () => {
    site = await testSite(dialect);
  });
  afterAll(() => site.close());

  it('may fail without the change being made again', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const tick = (task: string) =>
      site.database.shared(async (tx) => {
        await tx.insertMany('cron_ticks', [{ task, tick_at: 1 }]);
        tx.afterCommit(() => {
          throw new Error('afterwards');
        });
        return task;
      });
    expect(await Promise.all(['a', 'b', 'c'].map(tick))).toEqual(['a', 'b', 'c']);
    expect(await site.database.query('SELECT task FROM cron_ticks')).toHaveLength(3);
    expect(warned).toHaveBeenCalled();
    warned.mockRestore();
  });
});
