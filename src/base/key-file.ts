/** Keys of the site as files that only their owner reads. */
import { chmodSync, linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError } from './errors.ts';

/** The file's text, made at first need. Two processes that start at once agree: it appears whole, and only the first one's. */
export function keyFile(path: string, make: () => string): string {
  const known = readKey(path);
  if (known !== undefined) return known;
  const draft = `${path}.${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(draft, make(), { mode: 0o600, flush: true });
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
  return readKey(path)!;
}

/** Undefined when there is no such file; ConfigError when it cannot be read. */
export function readKey(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new ConfigError(`The key ${path} cannot be read (${code}). Check the permissions of the folder.`, {
      cause: error,
    });
  }
}
