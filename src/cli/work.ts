import { type ConfigFlags, loadConfig } from '../base/config.ts';
import { ConfigError } from '../base/errors.ts';
import { createLog } from '../base/log.ts';
import type { GlobalFlags, Run } from './command.ts';
import { signalled } from './signal.ts';
import { openDatabase, requireMigrated, siteOf } from './site.ts';

export const queues = ['webhooks', 'workflows', 'labels', 'system'] as const;

interface WorkFlags extends ConfigFlags {
  queues?: string;
}

export const run: Run<WorkFlags & GlobalFlags> = async ({ flags }) => {
  const config = loadConfig(flags);
  const wanted = queuesOf(flags.queues);
  const database = await openDatabase(config);
  try {
    await requireMigrated(database);
    const log = createLog(config.log);
    const { ctx } = await siteOf(config, database, log);
    const { workforceOf } = await import('./daemon.ts');
    const workforce = workforceOf(config, database, ctx, log, wanted);
    const ended = signalled();
    await workforce.start();
    log.info({ queues: wanted ?? queues, concurrency: config.jobConcurrency }, 'working');
    await ended;
    log.info('stopping');
    await workforce.stop();
    log.info('stopped');
  } finally {
    await database.close();
  }
  return undefined;
};

/** ConfigError names one that there is not. */
function queuesOf(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined;
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !queues.includes(name as 'system'));
  if (unknown !== undefined) throw new ConfigError(`There is no queue "${unknown}". There are: ${queues.join(', ')}.`);
  return names;
}
