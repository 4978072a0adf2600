import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Vault } from '../../src/base/vault.ts';

/** Its key is in a file of its own. */
export const testVault = (): Vault => new Vault(join(mkdtempSync(join(tmpdir(), 'assetra-vault-')), 'site.key'));
