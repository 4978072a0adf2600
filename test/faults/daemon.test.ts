/** What befalls the daemon's own process under load, on each database: it stands still, and its clock jumps. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ensureBuilt } from '../cli/spawn.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { Clock } from '../support/faults/clock.ts';
import { type OwnDatabase, ownDatabase } from '../support/faults/own-database.ts';
import { logIn } from '../support/faults/site.ts';
import { Stage } from '../support/faults/stage.ts';
import { until } from '../support/pty.ts';

const day = 24 * 60 * 60_000;

onEveryDatabase('a daemon under load', (dialect) => {
  let stage: Stage;
  let clock: Clock;
  let own: OwnDatabase | undefined;
  beforeAll(async () => {
    ensureBuilt();
    clock = new Clock().start();
    own = dialect === 'sqlite' ? undefined : await ownDatabase(dialect);
    stage = new Stage({ database: own?.url(), env: clock.env });
    await stage.start();
  }, 300_000);
  beforeEach(() => stage.again());
  afterAll(async () => {
    await stage?.stop();
    clock?.stop();
    await own?.drop();
  });

  it('that stands still for two seconds goes on as if nothing had been', async () => {
    const { daemon, writers } = stage;
    daemon.freeze();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    daemon.thaw();
    await stage.flowing();
    await stage.expectNothingLost();
    expect([writers.refused, writers.cutOff]).toEqual([[], []]);
    expect(writers.slowest).toBeGreaterThan(1_500);
  });

  it.each([2, -2])('whose clock jumps by %d days takes scans, and loses none', async (days) => {
    const { daemon, writers } = stage;
    clock.set(days * day);
    await until(async () => Math.abs((await timeOf(daemon.address)) - Date.now() - days * day) < day, 'the jump');
    writers.headers = (await logIn(daemon.address)).headers;
    await stage.flowing();
    const { results } = (await (await logIn(daemon.address)).get('scan-events/?ordering=-id&page_size=1')).body;
    expect(Math.round((Date.parse(results[0].created_at) - Date.now()) / day)).toBe(days);
    clock.set(0);
    await until(async () => Math.abs((await timeOf(daemon.address)) - Date.now()) < day, 'the jump back');
    writers.headers = (await logIn(daemon.address)).headers;
    await stage.expectHealed();
    await stage.expectNothingLost();
    // A token's life may have passed or not begun; nothing else is refused.
    expect(writers.refused.filter(({ status }) => status !== 401)).toEqual([]);
    expect([writers.cutOff, daemon.running, daemon.errors()]).toEqual([[], true, '']);
  });
});

/** What the daemon holds for now, ms since 1970. */
async function timeOf(address: string): Promise<number> {
  const { timestamp } = (await (await fetch(`${address}/health/`)).json()) as { timestamp: string };
  return Date.parse(timestamp);
}
