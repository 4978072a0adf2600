/** Where a restore goes: a new folder with the settings of the backup, or a site that keeps its own. */
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type Config, loadConfig } from '../../base/config.ts';
import { withSetting } from '../../base/env-file.ts';
import type { Output } from '../output.ts';
import { filesBelow } from './archive.ts';
import type { Member } from './manifest.ts';

export interface Place {
  config: Config;
  /** There is no site in the folder yet. */
  fresh: boolean;
  /** What --database said. */
  chosen: string | undefined;
  /** The database, as a message may show it. */
  named: string;
  /** Files in its keys/. */
  keys: string[];
}

/** The witness of what was there: an older one from a backup would hide that the site was set back. */
const witness = 'files/audit-checkpoints.jsonl';

/** `folder` holds the unpacked backup. */
export function placeOf(dir: string, folder: string, chosen: string | undefined): Place {
  const fresh = !existsSync(join(dir, 'assetra.env'));
  const config = loadConfig({ dir, database: chosen }, undefined, fresh ? join(folder, 'assetra.env') : undefined);
  const { filename, name, host, socketPath } = config.database;
  const named = filename ?? `the database ${name} on ${socketPath ?? host}`;
  return { config, fresh, chosen, named, keys: filesBelow(join(dir, 'keys')) };
}

/** Copies the keys aside where no backup can hold them; answers the folder. */
export function keepKeys(dir: string, keys: readonly string[], aside: string): string {
  for (const path of keys) put(join(dir, 'keys', path), join(aside, path));
  return aside;
}

/** keys/ and files/ as in the backup; what else is there stays. Answers whether a key is another than before. */
export function putBack(folder: string, dir: string, members: readonly Member[]): boolean {
  let changed = false;
  for (const { path } of members) {
    const to = join(dir, path);
    if (!/^(keys|files)\//.test(path) || (path === witness && existsSync(to))) continue;
    const content = readFileSync(join(folder, path));
    if (existsSync(to) && content.equals(readFileSync(to))) continue;
    changed ||= path.startsWith('keys/');
    put(join(folder, path), to);
  }
  return changed;
}

/** Settings of the backup for a new site; --database is kept in either case. */
export function writeSettings({ config, fresh, chosen }: Place, folder: string, out: Output): void {
  const path = join(config.dir, 'assetra.env');
  const from = fresh ? join(folder, 'assetra.env') : path;
  const text = existsSync(from) ? readFileSync(from, 'utf8') : '';
  if (fresh || chosen !== undefined) {
    const draft = join(folder, 'settings');
    writeFileSync(draft, chosen === undefined ? text : withSetting(text, 'DATABASE_URL', chosen));
    put(draft, path);
  }
  const before = JSON.stringify(config.database);
  if (JSON.stringify(loadConfig({ dir: config.dir }).database) !== before)
    out.note('The environment names another database, and goes before assetra.env. Change it before the next start.');
}

/** Whole or not at all, for its owner alone; who owned what was there before owns it again. */
function put(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
  const draft = `${to}.part`;
  copyFileSync(from, draft);
  chmodSync(draft, 0o600);
  const before = statSync(to, { throwIfNoEntry: false });
  if (before && process.getuid?.() === 0) chownSync(draft, before.uid, before.gid);
  renameSync(draft, to);
}
