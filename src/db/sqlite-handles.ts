/** The open handles of each SQLite file: each is closed for good, and all are given up together when they are read-only and the disk no longer is. */
import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Database as Handle } from 'sqlite3';

interface Family {
  handles: Set<Handle>;
  /** Settles once those that were given up are closed. */
  closed: Promise<unknown>;
}

const families = new Map<string, Family>();
const refusals = new WeakMap<Handle, Error>();

/** Why the handle was given up, if it was. */
export const refusalOf = (handle: Handle): Error | undefined => refusals.get(handle);

/**
 * Resolves when the new handle may read. `release` finalizes its statements: SQLite refuses to close with one left, and the
 * pool keeps that to itself, so the file would stay open, with the write-ahead log beside it that a copy of the file lacks.
 */
export async function adopt(handle: Handle, filename: string, release: () => void): Promise<void> {
  const family = families.get(filename) ?? { handles: new Set(), closed: Promise.resolve() };
  families.set(filename, family);
  const close = handle.close.bind(handle);
  handle.close = (done) => {
    family.handles.delete(handle);
    release();
    close(done);
  };
  let awaited: Promise<unknown> | undefined;
  while (awaited !== family.closed) {
    awaited = family.closed;
    await awaited;
  }
  family.handles.add(handle);
}

/**
 * After a write was refused as read-only: what was opened while the disk was so stays so, even once the disk is not, since all
 * handles of a process share the index of the write-ahead log. So when the file can be written, all are closed, and new ones
 * wait for that. While it cannot, they go on: they read.
 */
export async function giveUpIfMended(handle: Handle, refusal: Error): Promise<void> {
  for (const [filename, family] of families) {
    if (!family.handles.has(handle) || !(await writable(filename)) || refusals.has(handle)) continue;
    const closing = [...family.handles].map((member) => {
      refusals.set(member, refusal);
      // What runs on it ends first. The pool closes it once more, which does no harm.
      return new Promise((resolve) => member.close(resolve));
    });
    family.closed = Promise.all([family.closed, ...closing]);
  }
}

async function writable(filename: string): Promise<boolean> {
  try {
    await Promise.all([filename, dirname(filename)].map((path) => access(path, constants.W_OK)));
    return true;
  } catch {
    return false;
  }
}
