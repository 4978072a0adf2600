/** The demo site, rebuilt and restarted at every change of a source. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { passSignals, program, root } from './process.mjs';

export function dev(args) {
  const compiler = [
    join(root, 'node_modules/typescript/bin/tsc'),
    '-p',
    'tsconfig.json',
    '--watch',
    '--preserveWatchOutput',
  ];
  const daemon = ['--watch', '--watch-preserve-output', program, 'demo', '--dir', join(root, 'assetra-data'), ...args];
  const children = [compiler, daemon].map((argv) => spawn(process.execPath, argv, { cwd: root, stdio: 'inherit' }));
  for (const child of children) passSignals(child);
  return new Promise((resolve) => {
    for (const child of children) {
      child.once('exit', (code) => {
        for (const other of children) other.kill('SIGTERM');
        resolve(code ?? 0);
      });
    }
  });
}
