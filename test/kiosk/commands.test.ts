import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../../src/base/paths.ts';
import { commands } from '../../src/domain/resolve/commands.ts';

it('the page knows, for when the server is away, the command codes that the server knows', () => {
  const page = readFileSync(join(packageRoot, 'templates/kiosk/modes.js'), 'utf8');
  const known = [...page.matchAll(/'(CMD:[A-Z-]+)': '(\w+)'/g)].map(([, code, mode]) => [code, mode]);
  // To cancel ends a mode too, as far as the band shows.
  expect(known).toEqual(Object.entries(commands).map(([code, does]) => [code, does === 'cancel' ? 'done' : does]));
});
