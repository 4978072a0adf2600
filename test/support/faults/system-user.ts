/** Whom a database server of a test runs as: both refuse root, or run better without. */
import { execFileSync } from 'node:child_process';

export interface SystemUser {
  uid: number;
  gid: number;
}

/** The ids of that user when this process is root; else undefined: run as who runs the tests. */
export function systemUser(name: string): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: 'pipe' }));
  return { uid: id('-u'), gid: id('-g') };
}
