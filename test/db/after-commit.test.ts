import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { Conflict } from '../../src/base/errors.ts';
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

  it('is not done for a part that was undone', async () => {
    const done: string[] = [];
    const noted = (name: string) => () => void done.push(name);
    const shared = noted('shared');
    await site.database.transaction(async (tx) => {
      tx.afterCommit(shared);
      const part = tx.savepoint(async () => {
        tx.afterCommit(shared);
        tx.afterCommit(noted('undone'));
        throw new Conflict('No.');
      });
      await expect(part).rejects.toThrow('No.');
      tx.afterCommit(noted('kept'));
    });
    expect(done).toEqual(['shared', 'kept']);
  });

  it('is done once for one of a group whose first try was undone with the others', async () => {
    const done: string[] = [];
    const work = (name: string) =>
      site.database.shared(async (tx) => {
        await tx.insertMany('cron_ticks', [{ task: name, tick_at: 2 }]);
        tx.afterCommit(() => void done.push(name));
        if (name === 'y') throw new Conflict('No.');
      });
    const outcomes = await Promise.allSettled(['x', 'y', 'z'].map(work));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(done.sort()).toEqual(['x', 'z']);
  });
});
