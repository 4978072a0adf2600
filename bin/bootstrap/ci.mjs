/** What must hold before a change is taken: the same list for a person and for the server. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { program, root, runNode } from './process.mjs';
import { test } from './test.mjs';

const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
const tool = (path, ...args) => runNode([join(root, 'node_modules', path), ...args], { cwd: root, env });

const steps = [
  ['format and lint', () => tool('@biomejs/biome/bin/biome', 'check', '.')],
  ['types', () => tool('typescript/bin/tsc', '-p', 'tsconfig.json', '--noEmit')],
  ['tests', () => test([])],
  ['docs/openapi.json is up to date', () => generated('docs/openapi.json', 'openapi')],
  ['docs/CLI.md is up to date', () => generated('docs/CLI.md', 'reference')],
  ['docs/postman is up to date', () => generated('docs/postman/Assetra.postman_collection.json', 'postman')],
  [
    'docs/openapi.json is valid',
    () => tool('@redocly/cli/bin/cli.js', 'lint', '--config', 'docs/redocly.yaml', 'docs/openapi.json'),
  ],
];

/** Stops at the first step that fails. The build came before. */
export async function ci() {
  for (const [title, work] of steps) {
    console.log(`\n== ${title}`);
    const code = await work();
    if (code === 0) continue;
    console.error(`\nci: failed at "${title}".`);
    return code;
  }
  console.log('\nci: all steps passed.');
  return 0;
}

function generated(file, command) {
  const path = join(root, file);
  const current = execFileSync(process.execPath, [program, command], { encoding: 'utf8', maxBuffer: 64 << 20 });
  if (existsSync(path) && readFileSync(path, 'utf8') === current) return 0;
  console.error(`${file} is not what the program prints. Run: node bin/assetra ${command} > ${file}`);
  return 1;
}
