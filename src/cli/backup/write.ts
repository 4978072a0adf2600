/** One backup from a running site: everything is drafted, hashed, packed, and only then given its name. */
import { chmodSync, copyFileSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import type { Config } from '../../base/config.ts';
import { AppError, ConfigError } from '../../base/errors.ts';
import { programVersion } from '../../base/paths.ts';
import { dumperFor } from '../../db/dump.ts';
import type { Output } from '../output.ts';
import { isFolder, unwritable } from '../unwritable.ts';
import { filesBelow, pack } from './archive.ts';
import { type Manifest, manifestName, manifestText, membersOf } from './manifest.ts';
import { signHistory } from './proof.ts';
import { withStaging } from './staging.ts';

/** Folders of a site that belong to its data; spool/ holds what is not yet part of it, backups/ what was. */
export const keptFolders = ['keys', 'files'] as const;
/** Lists that can be written again at any time. */
const leftOut = 'files/exports/';

export interface Written {
  file: string;
  bytes: number;
  manifest: Manifest;
}

/** Writes the site to `path`, whole or not at all. */
export async function writeBackup(config: Config, path: string, out: Output): Promise<Written> {
  const file = resolve(path);
  try {
    checkPlace(config, file);
    return await withStaging(dirname(file), async (folder, signal) => {
      const manifest = await draft(config, folder, signal, out);
      const archive = join(folder, 'backup.tar.gz');
      await pack(folder, [manifestName, ...manifest.members.map(({ path }) => path)], archive, signal);
      renameSync(archive, file);
      return { file, bytes: statSync(file).size, manifest };
    });
  } catch (error) {
    throw unwritable(error, file);
  }
}

async function draft(config: Config, folder: string, signal: AbortSignal, out: Output): Promise<Manifest> {
  const { dialect } = config.database;
  const created_at = new Date().toISOString();
  const dumper = dumperFor(dialect);
  const checkpoints = await signHistory(config, out);
  out.note('Copying the database …');
  const { migrations, heads } = await dumper.dump(config.database, join(folder, dumper.member), signal);
  if (migrations.length === 0)
    throw new ConfigError('There are no tables of assetra in the database. Run `assetra init` or `assetra migrate`.');
  const files = copyFiles(config.dir, folder, out);
  const members = await membersOf(folder, [dumper.member, ...files], 'Checked');
  const manifest = { assetra: programVersion(), created_at, dialect, migrations, tenants: heads, checkpoints, members };
  writeFileSync(join(folder, manifestName), manifestText(manifest), { mode: 0o600 });
  return { format: 1, ...manifest };
}

/** Copies, because what a daemon appends to while it is read would fit neither its size nor its hash. */
function copyFiles(dir: string, folder: string, out: Output): string[] {
  const skipped = (path: string) => out.note(`Left out, as it is no file: ${path}`);
  const below = keptFolders.flatMap((name) =>
    filesBelow(join(dir, name), (path) => skipped(`${name}/${path}`)).map((path) => `${name}/${path}`),
  );
  const kept = ['assetra.env', ...below].filter((path) => !path.startsWith(leftOut));
  return kept.filter((path) => copied(join(dir, path), join(folder, path)));
}

/** False for a file that is not there, or went since it was listed. */
function copied(from: string, to: string): boolean {
  mkdirSync(dirname(to), { recursive: true });
  try {
    copyFileSync(from, to);
    chmodSync(to, 0o600);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw error;
    throw new AppError('read', 500, `${from} cannot be read. Run the command as the user of the service.`, {
      cause: error,
    });
  }
}

/** A backup within what it backs up would hold the one before, and that the one before it. */
function checkPlace({ dir }: Config, file: string): void {
  const place = statSync(file, { throwIfNoEntry: false });
  if (place?.isDirectory()) throw isFolder(file);
  if (place && !place.isFile()) throw new ConfigError(`${file} is no plain file. Name another for the backup.`);
  const within = keptFolders.find((name) => file.startsWith(join(dir, name) + sep));
  if (within)
    throw new ConfigError(
      `${within}/ is part of the site and of each backup. Name a file outside, best on another disk.`,
    );
}
