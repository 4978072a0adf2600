/** The key that signs tokens: from the settings, or a file of the site made at first need. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from '../../base/config.ts';
import { ConfigError } from '../../base/errors.ts';
import { newSecret } from '../../base/ids.ts';
import { keyFile } from '../../base/key-file.ts';

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

function storedSecret(folder: string): string {
  const path = join(folder, 'jwt.key');
  const secret = keyFile(path, () => `${newSecret(48)}\n`).trim();
  if (secret.length < 32)
    throw new ConfigError(`${path} is too short to be a key. Remove it; a new one is made at the next start.`);
  return secret;
}
