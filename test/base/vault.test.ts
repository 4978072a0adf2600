import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openVault } from '../../src/base/vault.ts';

const folders: string[] = [];
function site(): string {
  const dir = mkdtempSync(join(tmpdir(), 'assetra-vault-'));
  folders.push(dir);
  return dir;
}
afterAll(() => {
  for (const dir of folders) rmSync(dir, { recursive: true });
});

describe('the vault of a site', () => {
  it('opens what it sealed, in another process too', () => {
    const dir = site();
    for (const text of ['', 'hush', 'ä\0\n🔑', 'x'.repeat(100_000)]) {
      const sealed = openVault(dir).seal(text, 'a');
      expect(sealed).toMatch(/^v1\.[\w-]+$/);
      if (text) expect(sealed).not.toContain(text);
      expect(openVault(dir).open(sealed, 'a')).toBe(text);
    }
  });

  it('seals one text differently each time, and makes its key for the owner alone', () => {
    const dir = site();
    const vault = openVault(dir);
    expect(vault.seal('same', 'a')).not.toBe(vault.seal('same', 'a'));
    expect(statSync(join(dir, 'keys/site.key')).mode & 0o777).toBe(0o600);
    expect(Buffer.from(readFileSync(join(dir, 'keys/site.key'), 'utf8').trim(), 'base64url')).toHaveLength(32);
  });

  it('opens nothing of another purpose or key, and nothing that was changed', () => {
    const vault = openVault(site());
    const sealed = vault.seal('hush', 'tenant 1');
    expect(vault.open(sealed, 'tenant 1')).toBe('hush');
    const changed = `${sealed.slice(0, -2)}${sealed.endsWith('A') ? 'BB' : 'AA'}`;
    expect(() => vault.open(sealed, 'tenant 2')).toThrow('does not open');
    expect(() => openVault(site()).open(sealed, 'tenant 1')).toThrow('does not open');
    for (const broken of [changed, 'v1.', 'v1.AAAA', ''])
      expect(() => vault.open(broken, 'tenant 1')).toThrow('does not open');
  });

  it('refuses a file that is no key', () => {
    const dir = site();
    openVault(dir).seal('x', 'a');
    writeFileSync(join(dir, 'keys/site.key'), 'short\n');
    expect(() => openVault(dir).seal('x', 'a')).toThrow('is no site key');
  });
});
