/** The first member of a backup: what is in it, of which program and database, and where the change logs stood. */
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError, ConfigError } from '../../base/errors.ts';
import { startProgress } from '../progress.ts';

/** Raised when a program of before could no longer restore what is written. */
const format = 1;
export const manifestName = 'manifest.json';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const Member = z.object({ path: z.string(), size: z.int().nonnegative(), sha256: hash });
const Manifest = z.object({
  format: z.literal(format),
  assetra: z.string(),
  created_at: z.iso.datetime(),
  dialect: z.enum(['sqlite', 'postgres', 'mysql']),
  migrations: z.array(z.string()).min(1),
  tenants: z.array(
    z.object({
      tenant: z.int(),
      seq: z.int(),
      seal_seq: z.int(),
      seal_hash: hash,
      epoch: z.string(),
    }),
  ),
  /** The latest signed one of each tenant, taken just before the copy. */
  checkpoints: z.array(
    z.object({
      version: z.literal(1),
      kind: z.enum(['checkpoint', 'restore']),
      tenant: z.int(),
      slug: z.string(),
      sequence: z.int(),
      seal: z.string(),
      epoch: z.string(),
      at: z.string(),
      key: z.string(),
      signature: z.string(),
    }),
  ),
  members: z.array(Member),
});

export type Manifest = z.output<typeof Manifest>;
export type Member = z.output<typeof Member>;

export const damaged = (file: string, what: string, cause?: unknown): AppError =>
  new AppError('damaged', 500, `${file} is damaged, or no backup of assetra: ${what}. Take another backup.`, { cause });

export const manifestText = (manifest: Omit<Manifest, 'format'>): string =>
  `${JSON.stringify({ format, ...manifest }, null, 2)}\n`;

/** Reads what was unpacked into `folder`; `file` is what messages name. */
export function readManifest(folder: string, file: string): Manifest {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(join(folder, manifestName), 'utf8'));
  } catch (error) {
    throw damaged(file, `it has no readable ${manifestName}`, error);
  }
  const told = z.object({ format: z.int() }).safeParse(content).data?.format;
  if (told !== undefined && told !== format)
    throw new ConfigError(
      `${file} has format ${told}, and this program reads format ${format}. Restore it with the assetra that wrote it.`,
    );
  const { data, error } = Manifest.safeParse(content);
  if (!data) throw damaged(file, `its ${manifestName} is wrong at ${error.issues[0]?.path.join('.')}`, error);
  return data;
}

/** Hashes the named files below `folder`, telling how far it is. */
export async function membersOf(folder: string, paths: readonly string[], label: string): Promise<Member[]> {
  const sizes = paths.map((path) => statSync(join(folder, path)).size);
  const count = await counter(label, sizes);
  try {
    const members: Member[] = [];
    for (const [index, path] of paths.entries()) {
      const sum = createHash('sha256');
      for await (const chunk of createReadStream(join(folder, path), { highWaterMark: 1024 * 1024 })) {
        sum.update(chunk);
        count.add(chunk.length);
      }
      members.push({ path, size: sizes[index]!, sha256: sum.digest('hex') });
    }
    return members;
  } finally {
    count.stop();
  }
}

/** Progress in megabytes. */
export async function counter(label: string, sizes: readonly number[]) {
  const megabytes = (bytes: number) => Math.ceil(bytes / 1_000_000);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const progress = await startProgress(`${label} (MB)`, megabytes(total));
  let done = 0;
  const add = (bytes: number) => {
    done += bytes;
    // The last one is counted when it is whole.
    progress.update(done >= total ? megabytes(total) : Math.floor(done / 1_000_000));
  };
  return { add, stop: () => progress.stop() };
}
