import { type Config, type ConfigFlags, loadConfig } from '../base/config.ts';
import type { GlobalFlags, Run } from './command.ts';
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
    const signalled = nextSignal();
    const address = await daemon.start();
    ready?.(address);
    await signalled;
    await daemon.stop();
  } finally {
    await database.close();
  }
}

/** A second signal ends the process at once, as the system's default does. */
const nextSignal = (): Promise<void> =>
  new Promise((resolve) => {
    const signals = ['SIGINT', 'SIGTERM'] as const;
    const stop = () => {
      for (const signal of signals) process.off(signal, stop);
      resolve();
    };
    for (const signal of signals) process.on(signal, stop);
  });
