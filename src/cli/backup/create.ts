import { loadConfig } from '../../base/config.ts';
import type { Run } from '../command.ts';
import { openDatabase } from '../site.ts';
import { writeBackup } from './write.ts';

export const run: Run = async ({ args, flags, out }) => {
  const config = loadConfig(flags);
  // Tells a site that is not there from one that cannot be read; a database that waits for `migrate` is backed up too.
  await (await openDatabase(config)).close();
  const { file, bytes, manifest } = await writeBackup(config, args[0]!, out);
  const { dialect, tenants } = manifest;
  out.result(
    { file, bytes, dialect, tenants },
    () =>
      `Wrote ${file} (${(bytes / 1_000_000).toFixed(1)} MB). It holds the site's secrets: keep it as safe as the site.`,
  );
  return undefined;
};
