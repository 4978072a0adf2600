/** The database server itself is restarted, killed or made read-only under load. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../cli/spawn.ts';
import { onEveryServer } from '../support/databases.ts';
import { DatabaseServer } from '../support/faults/database-server.ts';
import { lacking } from '../support/faults/server-kinds.ts';
import { expectProperRefusals, raise, type Stage } from '../support/faults/stage.ts';
import { until } from '../support/pty.ts';

onEveryServer('a database server', (dialect) => {
  const missing = lacking(dialect);
  if (missing.length > 0 && process.env.ASSETRA_REQUIRE_DATABASES !== '1')
    it.skip(`needs ${missing.join(' and ')}`, () => undefined);
  else describe('of its own', () => suite(dialect));
});

function suite(dialect: 'postgres' | 'mysql'): void {
  let server: DatabaseServer;
  let stage: Stage;
  beforeAll(async () => {
    expect(lacking(dialect)).toEqual([]);
    ensureBuilt();
    server = await new DatabaseServer(dialect).start();
    const { url } = await server.createDatabase('plant');
    stage = await raise({ database: url });
  }, 300_000);
  beforeEach(async () => {
    stage.writers.clear();
    stage.writers.start();
    await stage.flowing();
  });
  afterAll(async () => {
    await stage?.close();
    await server?.remove();
  });

  async function expectHealed(): Promise<void> {
    const { daemon, writers } = stage;
    await stage.flowing();
    await until(async () => (await stage.probes()).health === 200, 'the daemon to be healthy');
    await stage.expectNothingLost();
    expectProperRefusals(writers.refused);
    expect(writers.cutOff).toEqual([]);
    expect(writers.slowest).toBeLessThan(15_000);
    expect([daemon.running, daemon.errors()]).toEqual([true, '']);
  }

  it.each(['orderly', 'hard'] as const)(
    'that is ended (%s) is missed while it is away, and taken up again',
    async (how) => {
      await (how === 'orderly' ? server.stop() : server.kill());
      await stage.refusing();
      expect(await stage.probes()).toEqual({ alive: 200, health: 503 });
      await server.start();
      await expectHealed();
    },
    60_000,
  );

  it('that is restarted at once loses nothing', async () => {
    await server.restart('hard');
    await expectHealed();
  }, 60_000);

  it('that is read-only refuses scans with 503, is read from, and takes them when it may', async () => {
    await server.readOnly(true);
    await stage.refusing(20);
    const read = await stage.admin.get('assets/');
    expect([read.status, read.body.count]).toEqual([200, 8]);
    expect(stage.writers.refused.at(-1)!.body).toContain('read-only');
    await server.readOnly(false);
    await expectHealed();
  }, 60_000);
}
