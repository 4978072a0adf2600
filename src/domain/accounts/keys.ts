/** The key that signs tokens: from the settings, or a file of the site made at first need. */
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../base/config.ts';
import { ConfigError } from '../../base/errors.ts';

export interface AccessSettings {
  /** A KeyObject: jsonwebtoken is 45 times slower with the same secret as text. */
  key: KeyObject;
  accessMinutes: number;
  refreshDays: number;
}

export async function accessSettings(config: Config): Promise<AccessSettings> {
  const { accessMinutes, refreshDays, jwtSecret } = config.auth;
  const secret = jwtSecret ?? storedSecret(join(config.dir, 'keys'));
  return { key: createSecretKey(Buffer.from(secret)), accessMinutes, refreshDays };
}

/** Two processes that start at once agree: the file appears whole, and only the first one's. */
function storedSecret(folder: string): string {
  const path = join(folder, 'jwt.key');
  const known = read(path);
  if (known) return known;
  const draft = `${path}.${process.pid}`;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(draft, `${randomBytes(48).toString('base64url')}\n`, { mode: 0o600, flush: true });
    chmodSync(draft, 0o600);
    try {
      linkSync(draft, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      unlinkSync(draft);
    }
  } catch (error) {
    throw new ConfigError(`The key ${path} cannot be written. Check the permissions of the folder.`, { cause: error });
  }
  return read(path)!;
}

function read(path: string): string | undefined {
  try {
    const secret = readFileSync(path, 'utf8').trim();
    if (secret.length < 32)
      throw new ConfigError(`${path} is too short to be a key. Remove it; a new one is made at the next start.`);
    return secret;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`The key ${path} cannot be read (${code}). Check the permissions of the folder.`, {
      cause: error,
    });
  }
}
