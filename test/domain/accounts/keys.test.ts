import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/base/config.ts';
import { accessSettings } from '../../../src/domain/accounts/service.ts';

describe('the signing key', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'assetra-keys-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const load = async (environment: Record<string, string> = {}) => accessSettings(loadConfig({ dir }, environment));
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

  it('is made at first need, for the owner alone, and kept', async () => {
    const first = await load();
    expect(first).toMatchObject({ accessMinutes: 30, refreshDays: 7 });
    expect(mode(join(dir, 'keys'))).toBe('700');
    expect(mode(join(dir, 'keys/jwt.key'))).toBe('600');
    expect(Buffer.from(readFileSync(join(dir, 'keys/jwt.key'), 'utf8').trim(), 'base64url').length).toBe(48);
    expect((await load()).key.equals(first.key)).toBe(true);
    expect(readdirSync(join(dir, 'keys'))).toEqual(['jwt.key']);
  });

  it('is another for each site', async () => {
    const first = await load();
    rmSync(join(dir, 'keys'), { recursive: true });
    expect((await load()).key.equals(first.key)).toBe(false);
  });

  it('comes from the settings where they name one, and no file is written', async () => {
    const secret = 'a secret of more than thirty-two characters';
    const { key } = await load({ ASSETRA_JWT_SECRET: secret });
    expect(key.export().toString()).toBe(secret);
    expect(readdirSync(dir)).toEqual([]);
  });

  it('is refused when its file was cut short', async () => {
    mkdirSync(join(dir, 'keys'));
    writeFileSync(join(dir, 'keys/jwt.key'), 'short\n');
    await expect(load()).rejects.toThrow('is too short to be a key');
  });

  it('says which file cannot be written', async () => {
    writeFileSync(join(dir, 'keys'), '');
    await expect(load()).rejects.toMatchObject({ code: 'config', message: expect.stringContaining('keys/jwt.key') });
  });
});
