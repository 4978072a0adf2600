import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { served } from '../../src/domain/scans/service.ts';
import { Alarm } from '../../src/http/live-streams.ts';
import { onNews } from '../../src/queue/news.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { until } from '../support/pty.ts';
import { testSite } from '../support/site.ts';

describe('the alarm of a stream', () => {
  let gone: AbortController;
  let alarm: Alarm;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    gone = new AbortController();
    alarm = new Alarm(gone.signal);
  });
  afterEach(() => vi.useRealTimers());

  /** Milliseconds until the wait is over, tried in steps of 1. */
  const waits = async (earliest: number, latest: number): Promise<number> => {
    let over = false;
    const start = performance.now();
    void alarm.next(start + earliest, start + latest).then(() => {
      over = true;
    });
    for (let ms = 0; ms <= 1_000; ms += 1) {
      if (ms === 40) alarm.ring();
      await Promise.resolve();
      await Promise.resolve();
      if (over) return ms;
      await vi.advanceTimersByTimeAsync(1);
    }
    throw new Error('It never rang.');
  };

  it('rings at once, but not before its time, and at last by itself', async () => {
    expect(await waits(0, 500)).toBe(40);
    alarm.reset();
    expect(await waits(100, 500)).toBe(100);
    alarm.reset();
    expect(await waits(0, 30)).toBe(30);
  });

  it('says whether it rang', async () => {
    alarm.ring();
    expect(await alarm.next(0, 0)).toBe(true);
    alarm.reset();
    expect(await alarm.next(0, 0)).toBe(false);
  });

  it('keeps a ring that came while nobody waited', async () => {
    alarm.ring();
    expect(await waits(0, 500)).toBe(0);
  });

  it('ends with its reader', async () => {
    const waiting = alarm.next(performance.now() + 100, performance.now() + 500);
    gone.abort();
    await waiting;
    expect(vi.getTimerCount()).toBe(0);
  });
});

onEveryDatabase('news of a commit', (dialect) => {
  it('is told here once for a transaction, to other processes where the database can, and not when it is undone', async () => {
    const site = await testSite(dialect);
    let here = 0;
    let elsewhere = 0;
    const deafen = onNews(site.database, () => {
      here += 1;
    });
    const stop = site.database.listen('assetra_news', () => {
      elsewhere += 1;
    });
    try {
      const ctx = site.as('operator');
      const undone = site.database.transaction(async (db) => {
        await served.create({ ...ctx, db }, { raw_value: 'UNDONE' });
        throw new Error('no');
      });
      await expect(undone).rejects.toThrow('no');
      expect(here).toBe(0);
      await site.database.transaction(async (db) => {
        await served.create({ ...ctx, db }, { raw_value: 'ONE' });
        await served.create({ ...ctx, db }, { raw_value: 'TWO' });
      });
      expect(here).toBe(1);
      if (dialect === 'postgres') {
        // The first may have been before the line was open.
        await until(async () => {
          await served.create(ctx, { raw_value: 'AGAIN' });
          return elsewhere > 0;
        }, 'a notification');
      }
    } finally {
      await deafen();
      await stop();
      await site.close();
    }
  });
});
