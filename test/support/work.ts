/** Jobs done by a real runner within a test. */
import type { Context } from '../../src/db/context.ts';
import type { Row } from '../../src/db/database.ts';
import { Workforce } from '../../src/jobs/workforce.ts';
import type { AnyKind } from '../../src/queue/kind.ts';
import { until } from './pty.ts';
import type { TestSite } from './site.ts';

/** Resolves when none is ready or under way; those that wait for their time are left. */
export async function workOff(site: TestSite, kinds: readonly AnyKind[], more: Partial<Context> = {}): Promise<void> {
  const ctx: Context = { ...site.as('admin'), tenant: null, ...more };
  const settings = { kinds, schedules: async () => [], concurrency: 4 };
  const workforce = new Workforce(ctx, site.database, settings);
  await workforce.start();
  const idle = async () => {
    const sql = "SELECT COUNT(*) AS jobs FROM jobs WHERE state IN ('ready', 'active')";
    const [row] = await site.database.query<Row>(sql);
    return Number(row!.jobs) === 0;
  };
  try {
    await until(idle, 'the jobs to be done', 60_000);
  } finally {
    await workforce.stop();
  }
}
