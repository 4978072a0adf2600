/** The tasks of package.json's scripts, by name. Each answers its exit code. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ci } from './ci.mjs';
import { dev } from './dev.mjs';
import { Failure, prepare } from './prepare.mjs';
import { program, root, runNode } from './process.mjs';
import { test } from './test.mjs';

const tasks = { start, run: runProgram, build: async () => 0, test, dev, bench, ci };

export async function run(name, args) {
  if (!Object.hasOwn(tasks, name)) {
    console.error(`Usage: node bin/bootstrap.mjs ${Object.keys(tasks).join('|')} [arguments]`);
    process.exitCode = 2;
    return;
  }
  try {
    await prepare();
    process.exitCode = await tasks[name](args);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}

function start(args) {
  const dir = process.env.ASSETRA_DIR ? [] : ['--dir', join(root, 'assetra-data')];
  return runProgram(['demo', ...dir, ...args]);
}

function runProgram(args) {
  return runNode([program, ...args]);
}

/** Each file of dist/test/bench, or those whose names hold one of the words given. */
async function bench(words) {
  const folder = join(root, 'dist/test/bench');
  const files = readdirSync(folder, { recursive: true })
    .filter((file) => file.endsWith('.bench.js'))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
  let worst = 0;
  for (const file of files.sort()) worst = Math.max(worst, await runNode([join(folder, file)]));
  return worst;
}
