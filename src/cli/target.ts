/** Where `--out` goes: a file that appears whole or not at all, a device or pipe as it comes, `-` for standard output. */
import { accessSync, constants, createWriteStream, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isFolder, unwritable } from './unwritable.ts';

/** A place that cannot be written is told at once, not after ten thousand labels were drawn for it. */
export function checkPlace(target: string): void {
  try {
    accessSync(draftOf(target) === target ? target : dirname(target), constants.W_OK);
  } catch (error) {
    throw unwritable(error, target, '--out');
  }
}

/** Where the bytes go at first. A device or a pipe takes them as they come: a rename would put a file in its stead. */
function draftOf(target: string): string {
  const place = statSync(target, { throwIfNoEntry: false });
  if (place?.isDirectory()) throw isFolder(target, '--out');
  return place && !place.isFile() ? target : `${target}.part`;
}

/** Writes it and answers where. Half a PDF looks like one, so the file gets its name at the end. */
export async function writeStream(parts: AsyncIterable<string | Uint8Array>, path: string): Promise<string> {
  if (path === '-') {
    await pipeline(Readable.from(parts), process.stdout, { end: false });
    return path;
  }
  const target = resolve(path);
  const draft = draftOf(target);
  try {
    await pipeline(Readable.from(parts), createWriteStream(draft));
    if (draft !== target) renameSync(draft, target);
  } catch (error) {
    if (draft !== target) rmSync(draft, { force: true });
    throw unwritable(error, target, '--out');
  }
  return target;
}
