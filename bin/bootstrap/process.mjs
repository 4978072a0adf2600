/** Child processes that behave as if they were this one: same terminal, same signals, same exit code. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../..');
export const program = join(root, 'bin/assetra');

export const runNode = (args, options) => run(process.execPath, args, options);

/** Resolves to the exit code; 128 and the signal's number when one ended it, as a shell has it. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', ...options });
    const release = passSignals(child);
    child.once('error', (error) => {
      release();
      reject(error);
    });
    child.once('exit', (code, signal) => {
      release();
      resolve(code ?? 128 + constants.signals[signal]);
    });
  });
}

/** A terminal's Ctrl-C reaches the child by itself; sent twice, it would cut an orderly stop short. */
export function passSignals(child) {
  const terminate = () => child.kill('SIGTERM');
  const interrupt = () => process.stdin.isTTY || child.kill('SIGINT');
  process.on('SIGTERM', terminate).on('SIGINT', interrupt);
  return () => process.off('SIGTERM', terminate).off('SIGINT', interrupt);
}
