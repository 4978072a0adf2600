/** What one process of a machine may have at a time. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { hold } from '../../src/devices/exclusive.ts';
import { unique } from '../support/samples.ts';

it.runIf(process.platform === 'linux')('is one process’s until that lets go, and nobody else gets in', async () => {
  const name = unique('thing');
  const held = (await hold(name))!;
  expect(await hold(name)).toBeUndefined();
  // Any user of the machine may knock: what stayed open would keep the process from ending.
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 32);
  const stranger = connect({ path: `\0assetra-${digest}` });
  await once(stranger.resume(), 'close', { signal: AbortSignal.timeout(10_000) });
  held.release();
  const next = await hold(name);
  expect(next).toBeDefined();
  next!.release();
});
