/** The database server itself is restarted, killed or made read-only under load. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../cli/spawn.ts';
import { onEveryServer, type Server } from '../support/databases.ts';
import { DatabaseServer } from '../support/faults/database-server.ts';
import { lacking } from '../support/faults/server-kinds.ts';
import { Stage } from '../support/faults/stage.ts';

onEveryServer('a database server', (dialect) => {
  const missing = lacking(dialect);
  const mayBeMissing = process.env.ASSETRA_REQUIRE_DATABASES !== '1';
  describe.skipIf(missing.length > 0 && mayBeMissing)(
    missing.length > 0 ? `of its own, which needs ${missing.join(' and ')}` : 'of its own',
    () => suite(dialect),
  );
});

function suite(dialect: Server): void {
  let server: DatabaseServer;
  let stage: Stage;
  beforeAll(async () => {
    expect(lacking(dialect)).toEqual([]);
    ensureBuilt();
    server = new DatabaseServer(dialect);
    await server.start();
    stage = new Stage({ database: await server.createDatabase('plant') });
    await stage.start();
  }, 300_000);
  beforeEach(() => stage.again());
  afterAll(async () => {
    await stage?.stop();
    await server?.remove();
  });

  async function expectMended(): Promise<void> {
    await stage.expectHealed();
    await stage.expectNothingLost();
    stage.expectProperRefusals();
  }

  it.each(['orderly', 'hard'] as const)(
    'that ends (%s) is missed while it is away, and used again after',
    async (how) => {
      await (how === 'orderly' ? server.stop() : server.kill());
      await stage.refusing(20);
      expect(await stage.probes()).toEqual({ alive: 200, health: 503 });
      await server.start();
      await expectMended();
    },
    60_000,
  );

  it.each(['orderly', 'hard'] as const)(
    'that is restarted (%s) at once loses nothing',
    async (how) => {
      await server.restart(how);
      await expectMended();
    },
    60_000,
  );

  it('that is read-only refuses scans with 503, is read from, and takes scans when it may', async () => {
    await server.readOnly(true);
    await stage.refusing(20);
    const read = await stage.admin.get('assets/');
    expect([read.status, read.body.count]).toEqual([200, 8]);
    expect(stage.writers.refused.at(-1)!.body).toContain('read-only');
    await server.readOnly(false);
    await expectMended();
  }, 60_000);
}
