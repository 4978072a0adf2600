/** The disk under an SQLite site is full, or read-only, and is mended again. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../cli/spawn.ts';
import { noSmallDisk, SmallDisk } from '../support/faults/small-disk.ts';
import { Stage } from '../support/faults/stage.ts';
import { until } from '../support/pty.ts';

const reason = noSmallDisk();

describe.skipIf(reason)(`a site on a small disk${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let disk: SmallDisk;
  let stage: Stage;
  beforeEach(async () => {
    ensureBuilt();
    disk = new SmallDisk(24).start();
    stage = new Stage({ parent: disk.folder });
    await stage.start();
    await stage.flowing();
  }, 300_000);
  afterEach(async () => {
    disk.readOnly(false);
    await stage?.stop();
    disk.stop();
  });

  async function fillUntilRefused(): Promise<void> {
    // The write-ahead log has pages of its own to write over for a while, and a checkpoint may free some.
    const full = () => {
      disk.fill();
      return stage.writers.refused.length >= 20;
    };
    await until(full, 'requests to be refused', 20_000);
  }

  async function expectReads(): Promise<void> {
    const reads = await Promise.all(Array.from({ length: 20 }, () => stage.admin.get('assets/')));
    expect(reads.map(({ status, body }) => [status, body.count])).toEqual(Array(20).fill([200, 8]));
    expect((await stage.probes()).alive).toBe(200);
  }

  it('that is full refuses scans with 503 and is read from, until there is room', async () => {
    await fillUntilRefused();
    await expectReads();
    expect(stage.writers.refused.at(-1)!.body).toContain('disk');
    disk.free();
    await stage.expectHealed();
    await stage.expectNothingLost();
    stage.expectProperRefusals();
  }, 60_000);

  it('that is full when the daemon is killed has every answered scan after it', async () => {
    await fillUntilRefused();
    await stage.daemon.kill();
    disk.free();
    await stage.daemon.start();
    await stage.expectHealed();
    await stage.expectNothingLost();
  }, 60_000);

  it('that was read-only at the start is read from, and written to once it may be', async () => {
    const { daemon, writers } = stage;
    // No disk turns read-only below a file that is open for writing.
    await daemon.kill();
    disk.readOnly(true);
    await daemon.start();
    writers.clear();
    await stage.refusing(20);
    for (let round = 0; round < 5; round += 1) await expectReads();
    expect(writers.refused.at(-1)!.body).toContain('read-only');
    disk.readOnly(false);
    await stage.expectHealed();
    await stage.expectNothingLost();
    stage.expectProperRefusals();
  }, 60_000);
});
