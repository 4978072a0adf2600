import { accessSync, constants, existsSync, mkdirSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Config, loadConfig } from '../../base/config.ts';
import { AppError, ConfigError } from '../../base/errors.ts';
import { type Content, dumperFor, LoadFailed } from '../../db/dump.ts';
import { refuseNewer } from '../../db/migrate.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { makeFolders } from '../init.ts';
import type { Output } from '../output.ts';
import { confirm } from '../prompts.ts';
import { unwritable } from '../unwritable.ts';
import { unpack } from './archive.ts';
import { damaged, type Manifest, manifestName, membersOf, readManifest } from './manifest.ts';
import { keepKeys, type Place, placeOf, putBack, writeSettings } from './place.ts';
import { proveHistory } from './proof.ts';
import { withStaging } from './staging.ts';
import { writeBackup } from './write.ts';

interface Flags extends GlobalFlags {
  database?: string;
  yes?: boolean;
}

export const run: Run<Flags> = async ({ args, flags, out }) => {
  const file = resolve(args[0]!);
  checkFile(file);
  const { dir } = loadConfig({ dir: flags.dir });
  const made = makeFolder(dir);
  try {
    return await withStaging(dir, async (folder, signal) => {
      const manifest = await check(file, folder, out);
      const place = placeOf(dir, folder, flags.database);
      const content = await lookAt(place, manifest, file);
      await consent(place, content, manifest, flags, out);
      const safety = await save(place, content, out);
      return replace({ file, folder, manifest, place, safety, signal, out });
    });
  } catch (error) {
    if (made) removeEmpty(dir, made);
    throw unwritable(error, dir);
  }
};

function checkFile(file: string): void {
  if (!existsSync(file) || !statSync(file).isFile())
    throw new ConfigError(`There is no file ${file}. Name a backup that \`assetra backup\` wrote.`);
  try {
    accessSync(file, constants.R_OK);
  } catch (error) {
    throw new AppError('read', 500, `This user may not read ${file}. Mend its permissions.`, { cause: error });
  }
}

/** The topmost folder that had to be made; nothing when all was there. */
function makeFolder(dir: string): string | undefined {
  try {
    return mkdirSync(dir, { recursive: true, mode: 0o750 });
  } catch (error) {
    throw new AppError('folder', 500, `The folder ${dir} cannot be made. Check the permissions above it.`, {
      cause: error,
    });
  }
}

/** Up to what was made, as far as nothing is in it. */
function removeEmpty(dir: string, made: string): void {
  try {
    for (let folder = dir; folder.startsWith(made); folder = dirname(folder)) rmdirSync(folder);
  } catch {
    // A safety backup may lie there.
  }
}

/** Unpacks and compares everything with the manifest; nothing of the site is touched before. */
async function check(file: string, folder: string, out: Output): Promise<Manifest> {
  out.note('Unpacking the backup …');
  const paths = await unpack(file, folder);
  const manifest = readManifest(folder, file);
  refuseNewer(file, manifest.migrations);
  const listed = manifest.members.map(({ path }) => path);
  const missing = listed.find((path) => !paths.includes(path));
  if (missing) throw damaged(file, `${missing} is missing`);
  const unknown = paths.find((path) => path !== manifestName && !listed.includes(path));
  if (unknown) throw damaged(file, `${unknown} does not belong to it`);
  const members = await membersOf(folder, listed, 'Checked');
  const changed = members.find(({ sha256 }, index) => sha256 !== manifest.members[index]!.sha256);
  if (changed) throw damaged(file, `${changed.path} is not as it was written`);
  if (!listed.includes(dumperFor(manifest.dialect).member)) throw damaged(file, 'it holds no database');
  return manifest;
}

async function lookAt(place: Place, manifest: Manifest, file: string): Promise<Content> {
  const { database } = place.config;
  if (database.dialect !== manifest.dialect)
    throw new ConfigError(
      `${file} is of a ${manifest.dialect} database, and ${place.named} is ${database.dialect}. Name another with --database.`,
    );
  const content = await dumperFor(database.dialect).look(database);
  // The settings of a backup name the database that it was made of, which may be in use.
  if (place.fresh && !place.chosen && content.kind !== 'empty')
    throw new ConfigError(
      `The settings in the backup name ${place.named}, which holds data. Say with --database which one to fill.`,
    );
  return content;
}

async function consent(place: Place, content: Content, manifest: Manifest, flags: Flags, out: Output): Promise<void> {
  if (place.fresh && place.keys.length === 0 && content.kind === 'empty') return;
  if (content.kind === 'unreadable')
    out.note(`No safety backup is made, as the database cannot be read. ${content.reason}`);
  if (content.kind === 'empty') out.note('No safety backup is made, as the database holds no whole site.');
  if (flags.yes) return;
  const message = `Replace what is in ${place.config.dir} and ${place.named} by the backup of ${manifest.created_at}?`;
  if (!(await confirm({ message, flag: '--yes' }))) throw new AppError('stopped', 500, 'Nothing was changed.');
}

/** The path of a backup of what is about to be replaced; null where there is nothing to save. */
async function save({ config, keys }: Place, content: Content, out: Output): Promise<string | null> {
  const time = new Date().toISOString().replace(/[-:.]/g, '');
  const folder = join(config.dir, 'backups');
  if (content.kind !== 'site') {
    if (keys.length > 0)
      out.note(`The keys of before are in ${keepKeys(config.dir, keys, join(folder, `keys-before-restore-${time}`))}.`);
    return null;
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { file } = await writeBackup(config, join(folder, `before-restore-${time}.tar.gz`), out);
  out.note(`Safety backup: ${file}`);
  return file;
}

interface Replacement {
  file: string;
  folder: string;
  manifest: Manifest;
  place: Place;
  safety: string | null;
  signal: AbortSignal;
  out: Output;
}

async function replace({
  file,
  folder,
  manifest,
  place,
  safety,
  signal,
  out,
}: Replacement): Promise<number | undefined> {
  const { config } = place;
  const { database, dir } = config;
  const dumper = dumperFor(database.dialect);
  out.note('Restoring the database …');
  signal.throwIfAborted();
  const migrated = await dumper.load(database, join(folder, dumper.member), signal).catch((error: unknown) => {
    throw told(error, config, safety);
  });
  makeFolders(dir);
  const keysChanged = putBack(folder, dir, manifest.members);
  writeSettings(place, folder, out);
  const faults = await proveHistory(config, manifest.checkpoints, out);
  const restart = !place.fresh && (keysChanged || place.chosen !== undefined);
  const document = {
    dir,
    restored_from: file,
    backup_of: manifest.created_at,
    dialect: manifest.dialect,
    migrated,
    safety_backup: safety,
    restart_needed: restart,
    history: faults.length === 0 ? 'verified' : faults,
  };
  out.result(document, () =>
    [
      `Restored ${dir} as it was at ${manifest.created_at}.`,
      ...(faults.length === 0
        ? ['Its history is what was written.']
        : ['Its history is NOT what was written:', ...faults]),
      safety ? `What was there before: ${safety}` : '',
      restart ? 'A daemon that runs holds other keys or another database: restart it.' : '',
    ]
      .filter(Boolean)
      .join('\n'),
  );
  return faults.length > 0 ? 1 : undefined;
}

function told(error: unknown, { dir }: Config, safety: string | null): unknown {
  if (!(error instanceof LoadFailed)) return error;
  const state = error.kept ? 'The database is as it was.' : 'The database is not whole and takes no changes.';
  const way = safety ? ` What was there before is in ${safety}; put it back with \`assetra restore\`.` : '';
  const again = error.kept ? '' : way || ' Run the restore again.';
  return new AppError('restore', 500, `${dir} could not be restored: ${error.message} ${state}${again}`, {
    cause: error,
  });
}
