/** Where the installed program's own data files lie: templates/, docs/, migrations/ of the package. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The package's top folder, both from source (src/base) and built (dist/src/base). */
export const packageRoot = findRoot(import.meta.dirname);

export const programVersion = (): string => JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')).version;

function findRoot(from: string): string {
  if (existsSync(join(from, 'package.json'))) return from;
  return findRoot(dirname(from));
}
