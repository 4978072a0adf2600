/** Installs packages when the lock file changed, and builds when a source did. Standard output stays the task's own. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root, run, runNode } from './process.mjs';

/** Ends the task with one sentence. */
export class Failure extends Error {}

const lockFile = join(root, 'package-lock.json');
const installedStamp = join(root, 'node_modules/.assetra-installed');
const dist = join(root, 'dist');
const builtStamp = join(dist, '.built');
const sources = ['src', 'migrations', 'test'];
const toStandardError = { cwd: root, stdio: ['ignore', 2, 2] };

export async function prepare() {
  await install();
  await build();
}

async function install() {
  const wanted = hash(readFileSync(lockFile));
  if (read(installedStamp) === wanted) return;
  if (!installedAsLocked()) await npmCi();
  writeFileSync(installedStamp, wanted);
}

/** Whether someone has run npm already: npm writes what it installed into a hidden lock file. */
function installedAsLocked() {
  const hidden = read(join(root, 'node_modules/.package-lock.json'));
  if (hidden === undefined) return false;
  const installed = JSON.parse(hidden).packages;
  const locked = Object.entries(JSON.parse(readFileSync(lockFile, 'utf8')).packages);
  return locked.every(([path, entry]) => {
    if (path === '' || entry.optional || entry.peer) return true;
    return installed[path]?.version === entry.version && installed[path]?.integrity === entry.integrity;
  });
}

async function npmCi() {
  console.error('Installing packages (npm ci). The first time takes a minute or two.');
  // Under `npm start` this is npm's own script; alone, npm is found on the PATH.
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  // Development packages too, whatever NODE_ENV says: the compiler is one.
  const [command, ...args] = [...npm, 'ci', '--include=dev'];
  const code = await run(command, args, toStandardError).catch((error) => {
    throw new Failure(`npm could not be started: ${error.message}.`);
  });
  if (code === 0) return;
  throw new Failure(
    'npm ci failed; its report is above. If a package had to be compiled, install python3, make and g++, and try again.',
  );
}

async function build() {
  const wanted = sourceHash();
  const entry = join(dist, 'src/main.js');
  if (read(builtStamp) === wanted && existsSync(entry)) return;
  if (!existsSync(entry)) rmSync(join(dist, 'tsconfig.tsbuildinfo'), { force: true });
  console.error('Building (tsc).');
  const code = await runNode([join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json'], toStandardError);
  if (code !== 0) throw new Failure('The source does not compile; the compiler says where, above.');
  removeStale();
  mkdirSync(dirname(builtStamp), { recursive: true });
  writeFileSync(builtStamp, wanted);
}

function sourceHash() {
  const files = ['tsconfig.json', 'package-lock.json', ...sources.flatMap(filesOf)];
  return hash(files.map((file) => `${file}\0${readFileSync(join(root, file))}`).join('\0'));
}

/** Paths from the top, in one order. */
function filesOf(folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length + 1))
    .sort();
}

/** What was compiled from a file that is gone would still be loaded, or run as a benchmark. */
function removeStale() {
  for (const file of sources.flatMap((folder) => filesOf(join('dist', folder)))) {
    const source = join(root, file.slice('dist/'.length).replace(/\.js(\.map)?$/, '.ts'));
    if (/\.js(\.map)?$/.test(file) && !existsSync(source)) rmSync(join(root, file));
  }
}

const hash = (data) => createHash('sha256').update(data).digest('hex');

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
