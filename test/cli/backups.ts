/** A backup that someone has changed. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, extract } from 'tar';

/** Lets `change` work on the unpacked members; the manifest's hashes are then made to fit, unless told not to. */
export async function repack(from: string, to: string, change: (folder: string) => void, fit = true): Promise<void> {
  const folder = `${to}.unpacked`;
  mkdirSync(folder);
  await extract({ file: from, cwd: folder });
  change(folder);
  if (fit) {
    const path = join(folder, 'manifest.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8'));
    for (const member of manifest.members) {
      const content = readFileSync(join(folder, member.path));
      member.size = content.length;
      member.sha256 = createHash('sha256').update(content).digest('hex');
    }
    writeFileSync(path, JSON.stringify(manifest));
  }
  await create({ file: to, cwd: folder, gzip: true, portable: true }, readdirSync(folder));
  rmSync(folder, { recursive: true });
}
