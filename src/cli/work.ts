import { type ConfigFlags, loadConfig } from '../base/config.ts';
import { ConfigError } from '../base/errors.ts';
import { createLog } from '../base/log.ts';
import { queueNames } from '../queue/kind.ts';
import type { GlobalFlags, Run } from './command.ts';
import { signalled } from './signal.ts';
import { openDatabase, requireMigrated, siteOf } from './site.ts';

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
    const { workforceOf } = await import('./workforce.ts');
    const workforce = workforceOf(config, database, ctx, log, wanted);
    const ended = signalled();
    await workforce.start();
    log.info({ queues: wanted ?? queueNames, concurrency: config.jobConcurrency }, 'working');
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
  const unknown = names.find((name) => !queueNames.includes(name as 'system'));
  if (unknown !== undefined)
    throw new ConfigError(`There is no queue "${unknown}". There are: ${queueNames.join(', ')}.`);
  return names;
}
