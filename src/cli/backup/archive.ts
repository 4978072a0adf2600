/** A folder's files as one .tar.gz and back. */
import { createWriteStream, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { create, extract } from 'tar';
import { counter, damaged } from './manifest.ts';

/** Writes the named files below `folder` to `target`, mode 0600; on disk when it resolves. */
export async function pack(folder: string, paths: readonly string[], target: string, signal: AbortSignal) {
  const count = await counter(
    'Packed',
    paths.map((path) => statSync(join(folder, path)).size),
  );
  const counted = async function* (source: AsyncIterable<Buffer>) {
    for await (const chunk of source) {
      count.add(chunk.length);
      yield chunk;
    }
  };
  const archive = create({ cwd: folder, portable: true, strict: true, noDirRecurse: true }, [...paths]);
  const output = createWriteStream(target, { mode: 0o600, flags: 'wx', flush: true } as never);
  try {
    await pipeline(Readable.from(archive), counted, createGzip(), output, { signal });
  } finally {
    count.stop();
  }
}

/** Puts the plain files of an archive below `folder`; links and devices are not taken. */
export async function unpack(file: string, folder: string): Promise<string[]> {
  try {
    await extract({
      file,
      cwd: folder,
      strict: true,
      preserveOwner: false,
      noMtime: true,
      filter: (_, entry) => 'type' in entry && (entry.type === 'File' || entry.type === 'OldFile'),
    });
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    // What the disk says is no fault of the archive.
    if (syscall !== undefined && code !== undefined && !code.startsWith('TAR_')) throw error;
    throw damaged(file, 'it cannot be unpacked', error);
  }
  return filesBelow(folder);
}

/** Paths of the plain files below `folder`, relative to it and in order; `skipped` hears of what is something else. */
export function filesBelow(folder: string, skipped: (path: string) => void = () => undefined): string[] {
  if (!existsSync(folder)) return [];
  const found: string[] = [];
  const walk = (within: string) => {
    for (const entry of readdirSync(join(folder, within), { withFileTypes: true })) {
      const path = within ? `${within}/${entry.name}` : entry.name;
      if (entry.isDirectory()) walk(path);
      else if (statSync(join(folder, path), { throwIfNoEntry: false })?.isFile()) found.push(path);
      else skipped(path);
    }
  };
  walk('');
  return found.sort();
}
