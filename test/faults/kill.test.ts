/** The daemon is killed with -9 at random instants under 64 writers, again and again over the same data. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensureBuilt } from '../cli/spawn.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { type OwnDatabase, ownDatabase } from '../support/faults/own-database.ts';
import { Stage } from '../support/faults/stage.ts';

/** `npm test` has few, so that a developer does not wait; `.ci/run` sets ASSETRA_TEST_KILLS=10, and whoever doubts more. */
const rounds = Number(process.env.ASSETRA_TEST_KILLS ?? 5);
/** The latest instant after the first answer of a round, in ms. */
const latest = 300;

onEveryDatabase('a daemon that is killed under 64 writers', (dialect) => {
  let stage: Stage;
  let own: OwnDatabase | undefined;
  beforeAll(async () => {
    ensureBuilt();
    own = dialect === 'sqlite' ? undefined : await ownDatabase(dialect);
    stage = new Stage({ database: own?.url(), writers: 64 });
    await stage.start();
  }, 300_000);
  afterAll(async () => {
    await stage?.stop();
    await own?.drop();
  });

  it(
    `${rounds} times loses no answered scan, doubles none, leaves no gap, and its history verifies`,
    async () => {
      for (let round = 0; round < rounds; round += 1) {
        await stage.flowing(1);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * latest));
        await stage.daemon.restart('SIGKILL');
      }
      await stage.flowing();
      expect(stage.writers.cutOff.length).toBeGreaterThan(0);
      await stage.expectNothingLost();
      expect(stage.writers.refused).toEqual([]);
    },
    60_000 + rounds * 20_000,
  );
});
