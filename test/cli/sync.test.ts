import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantContext } from '../../src/db/context.ts';
import * as assets from '../../src/domain/assets/service.ts';
import { sync } from '../../src/domain/sync/service.ts';
import { besides, initPlant } from './plant.ts';
import { assetra } from './spawn.ts';

const dir = join(mkdtempSync(join(tmpdir(), 'assetra-sync-')), 'site');
const run = (...args: string[]) => assetra(['sync', ...args, '--tenant', 'plant-1', '--dir', dir]);
const json = async (...args: string[]) => JSON.parse((await run(...args, '--json')).stdout);

beforeAll(async () => {
  await initPlant(dir);
  await besides(dir, pushed);
}, 300_000);
afterAll(() => rmSync(join(dir, '..'), { recursive: true }));

/** Two edits that lose, one of them of an asset that is gone, and a scan that cannot be stored. */
async function pushed(ctx: TenantContext): Promise<void> {
  const edits = [];
  for (const asset_tag of ['A-1', 'A-2']) {
    const { id, updated_at } = await assets.served.create(ctx, { asset_tag, name: 'Drill' });
    await assets.served.change(ctx, id, { name: 'Typed in' });
    edits.push({
      id,
      base_updated_at: updated_at,
      captured_at: '2026-01-01T00:00:00Z',
      fields: { name: 'From\nthe phone' },
    });
  }
  const scan_events = [{ raw_value: 'a\0b' }];
  await sync(ctx, { device_identifier: 'phone-1', scan_events, asset_changes: edits });
  await assets.served.remove(ctx, edits[1]!.id);
}

describe('what apps sent, at the shell', () => {
  it('lists the values that lost, each on one line', async () => {
    const { code, stdout } = await run('conflicts', '--state', 'open');
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^ID +ASSET +FIELD +OF THE DEVICE +OF THE SERVER +WINNER +DEVICE +NOTED +STATE$/),
      expect.stringMatching(/deleted \(2\) +name +From the phone +Typed in +server +phone-1 +\S+Z +open$/),
      expect.stringMatching(/A-1 +name +From the phone +Typed in +server +phone-1 +\S+Z +open$/),
    ]);
    expect(await json('conflicts', '--asset', 'A-1')).toMatchObject([{ asset: 1, local_value: 'From\nthe phone' }]);
    expect(await json('conflicts', '--state', 'settled')).toEqual([]);
    expect(await json('conflicts', '--device', 'phone-2')).toEqual([]);
    expect((await run('conflicts', '--limit', '1')).stdout).toMatch(/\n1 of 2, the newest\./);
  });

  it('lists what could not be stored, and why', async () => {
    const { stdout } = await run('quarantine');
    expect(stdout).toMatch(/scan +\{"raw_value":"a\\u0000b"\} +raw_value: Null characters are not allowed\. +phone-1/);
    expect(await json('quarantine', '--device', 'phone-1')).toMatchObject([
      { kind: 'scan_event', raw: { raw_value: 'a\0b' } },
    ]);
  });

  it('says in a sentence what is wrong', async () => {
    for (const [args, code, words] of [
      [['conflicts', '--limit', '501'], 2, /--limit is a number from 1 to 500/],
      [['conflicts', '--state', 'maybe'], 2, /maybe/],
      [['conflicts', '--asset', 'NO-SUCH'], 1, /not found/],
    ] as const) {
      const refused = await run(...args);
      expect([refused.code, refused.stdout, refused.stderr]).toEqual([code, '', expect.stringMatching(words)]);
    }
  });
});
