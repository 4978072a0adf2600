/** The job runner as the site's settings have it. */
import type { Config } from '../base/config.ts';
import { sha256 } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { Context } from '../db/context.ts';
import type { Database } from '../db/database.ts';
import * as webhooks from '../domain/webhooks/service.ts';
import { RedisDispatch } from '../jobs/dispatch.ts';
import { kinds, schedules } from '../jobs/kinds.ts';
import { Workforce } from '../jobs/workforce.ts';

/** `queues`: those alone; every one unless said. */
export function workforceOf(config: Config, database: Database, ctx: Context, log: Log, queues?: string[]): Workforce {
  const { jobConcurrency: concurrency, queueUrl: url } = config;
  const own = log.child({ logger: 'assetra.jobs' });
  const settings = url && { url, prefix: prefixOf(config), concurrency, queues };
  const dispatch = settings ? new RedisDispatch(database, own, settings) : undefined;
  const sender = webhooks.senderOf(config.webhooks);
  return new Workforce({ ...ctx, log: own }, database, {
    kinds: kinds(config, sender),
    schedules,
    concurrency,
    queues,
    dispatch,
    close: () => sender.close(),
  });
}

/** The database is what the processes of a site share; another site may use the same Redis. */
function prefixOf({ database: { dialect, filename, socketPath, host, port, name } }: Config): string {
  const place = [dialect, filename, socketPath ?? host, port, name].join(' ');
  return `assetra-${sha256(place).slice(0, 16)}`;
}
