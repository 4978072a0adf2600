import { type Config, type ConfigFlags, loadConfig } from '../base/config.ts';
import type { GlobalFlags, Run } from './command.ts';
import { signalled } from './signal.ts';
import { openDatabase, requireMigrated } from './site.ts';

export interface ServeFlags extends ConfigFlags {
  /** False for --no-devices. */
  devices?: boolean;
  /** False for --no-jobs. */
  jobs?: boolean;
}

export const run: Run<ServeFlags & GlobalFlags> = async ({ flags }) => {
  await serve(loadConfig(flags), flags);
  return undefined;
};

/** Runs the daemon until SIGINT or SIGTERM; resolves once it has ended in order. `ready` hears its address. */
export async function serve(config: Config, flags: ServeFlags, ready?: (address: string) => void): Promise<void> {
  const database = await openDatabase(config);
  try {
    await requireMigrated(database);
    const { Daemon } = await import('./daemon.ts');
    const daemon = new Daemon(config, database, { devices: flags.devices !== false, jobs: flags.jobs !== false });
    const ended = signalled();
    const address = await daemon.start();
    ready?.(address);
    await ended;
    await daemon.stop();
  } finally {
    await database.close();
  }
}
