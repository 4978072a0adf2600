/**
 * Files of exports, in `files/exports/` of the site: `<id>-<run>.<format>`, with `.part` behind it until it is whole.
 * They lie on the machine that wrote them; `.folder` holds the name that tells its folder from those of other machines.
 */
import { randomBytes } from 'node:crypto';
import { createWriteStream, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError, Unavailable } from '../../base/errors.ts';
import type { Context } from '../../db/context.ts';
import type { Parts } from './writers.ts';

/** The folder of all exports of the site on this machine. */
function folderOf({ folder }: Context): string {
  if (folder === undefined) throw new Error('This context was made without the folder of the site.');
  return join(folder, 'files', 'exports');
}

/** The folder's own name, given when it is first asked for: `plant-1-3f9a2c`. Unavailable when it cannot be written. */
export function folderName(ctx: Context): string {
  const folder = folderOf(ctx);
  const file = join(folder, '.folder');
  const read = () => readFileSync(file, 'utf8').trim();
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw refusal(error, folder);
  }
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(draft, `${hostname().slice(0, 80)}-${randomBytes(6).toString('hex')}\n`, { flag: 'wx', mode: 0o600 });
    // Whole at once, and the first one stays: two processes may begin together.
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw refusal(error, folder);
  } finally {
    rmSync(draft, { force: true });
  }
  return read();
}

const sentences: Record<string, (folder: string) => string> = {
  ENOSPC: (folder) => `The disk of ${folder} is full or almost so. Make room, then export again.`,
  EDQUOT: (folder) => `The disk quota of ${folder} is used up. Make room, then export again.`,
  EROFS: (folder) => `The disk of ${folder} is read-only. Mend it, then export again.`,
  EACCES: (folder) => `The service may not write ${folder}. Mend its owner, then export again.`,
  EPERM: (folder) => `The service may not write ${folder}. Mend its owner, then export again.`,
  EIO: (folder) => `The disk of ${folder} has a fault. Look at the system log.`,
};

/** What the disk says, for whoever reads the export; any other error as it came. */
function refusal(error: unknown, folder: string): unknown {
  const sentence = sentences[(error as NodeJS.ErrnoException).code ?? ''];
  return sentence ? new Unavailable(sentence(folder), { cause: error }) : error;
}

/** The disk will not take the file: trying again at once would not help. */
export class DiskRefusal extends AppError {
  constructor(message: string, cause: unknown) {
    super('disk', 507, message, { cause });
  }
}

/** Left free for scans and changes, which are on the same disk as a rule: this share of it, but no more than so many bytes. */
const [leftShare, leftBytes] = [0.05, 200 * 1024 ** 2];
/** Bytes that are written between two looks at what is free. */
const lookEvery = 8 * 1024 ** 2;

/** The same parts, for as long as there is room. */
async function* withinRoom(parts: Parts, folder: string): Parts {
  let unseen = 0;
  for await (const part of parts) {
    yield part;
    unseen += part.length;
    if (unseen < lookEvery) continue;
    await mustHaveRoom(folder);
    unseen = 0;
  }
}

async function mustHaveRoom(folder: string): Promise<void> {
  const { bavail, blocks, bsize } = await statfs(folder);
  if (bavail * bsize < Math.min(blocks * bsize * leftShare, leftBytes))
    throw Object.assign(new Error('The disk is almost full.'), { code: 'ENOSPC' });
}

export interface Written {
  /** Bytes. */
  size: number;
}

/** Writes the file, which has its name only once it is whole and on disk. DiskRefusal when the disk does not take it. */
export async function write(ctx: Context, name: string, parts: Parts, signal: AbortSignal): Promise<Written> {
  const folder = folderOf(ctx);
  const target = join(folder, name);
  const draft = `${target}.part`;
  try {
    await mustHaveRoom(folder);
    const file = createWriteStream(draft, { mode: 0o600, flush: true } as never);
    await pipeline(Readable.from(withinRoom(parts, folder)), file, { signal });
    const { size } = await stat(draft);
    await rename(draft, target);
    await synced(folder);
    return { size };
  } catch (error) {
    await rm(draft, { force: true });
    const told = refusal(error, folder);
    throw told === error ? error : new DiskRefusal((told as Error).message, error);
  }
}

/** The name of a file is on disk when its folder is. */
async function synced(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}

/** Where it is and how large, or undefined. */
export async function find(ctx: Context, name: string): Promise<{ path: string; size: number } | undefined> {
  const path = join(folderOf(ctx), name);
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? { path, size: found.size } : undefined;
}

/** Every file of the export, pieces too. */
export const namesOf = async (ctx: Context, id: number): Promise<string[]> =>
  (await names(ctx)).filter((name) => idOf(name) === id);

export async function remove(ctx: Context, gone: readonly string[]): Promise<void> {
  for (const name of gone) await rm(join(folderOf(ctx), name), { force: true });
}

/** Removes files that `isWanted` does not know; answers how many. */
export async function sweep(ctx: Context, isWanted: (id: number, name: string) => Promise<boolean>): Promise<number> {
  let gone = 0;
  for (const name of await names(ctx)) {
    const id = idOf(name);
    if (id === undefined || (await isWanted(id, name.replace(/\.part$/, '')))) continue;
    await remove(ctx, [name]);
    gone += 1;
  }
  return gone;
}

const names = (ctx: Context): Promise<string[]> => readdir(folderOf(ctx)).catch(() => []);

/** Undefined for what is no file of an export. */
function idOf(name: string): number | undefined {
  const id = /^(\d{1,15})-[\w-]+\.(csv|jsonl|xlsx)(\.part)?$/.exec(name)?.[1];
  return id === undefined ? undefined : Number(id);
}
