import { type ConfigFlags, loadConfig } from '../base/config.ts';
import { ConfigError } from '../base/errors.ts';
import { createLog } from '../base/log.ts';
import type { Database } from '../db/database.ts';
import { queueNames } from '../queue/kind.ts';
import type { GlobalFlags, Run } from './command.ts';
import { signalled } from './signal.ts';
import { openDatabase, requireMigrated, siteOf } from './site.ts';

interface WorkFlags extends Omit<ConfigFlags, 'host' | 'port'> {
  queues?: string;
  host?: string;
  port?: string;
}

export const run: Run<WorkFlags & GlobalFlags> = async ({ flags: { host, port, ...flags } }) => {
  const config = loadConfig(flags);
  const wanted = queuesOf(flags.queues);
  const probed = portOf(port);
  const database = await openDatabase(config);
  try {
    await requireMigrated(database);
    const log = createLog(config.log);
    const { ctx } = await siteOf(config, database, log);
    const { workforceOf } = await import('./workforce.ts');
    const workforce = workforceOf(config, database, ctx, log, wanted);
    const ended = signalled();
    const probe = probed === undefined ? undefined : await startProbe(database, host ?? '127.0.0.1', probed);
    await workforce.start();
    log.info(
      { ...(probe && { address: probe.address }), queues: wanted ?? queueNames, concurrency: config.jobConcurrency },
      'working',
    );
    await ended;
    log.info('stopping');
    await workforce.stop();
    await probe?.server.stop();
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

function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new ConfigError(`--port wants a number from 0 to 65535, not "${text}".`);
}

/** What monitoring asks of a process that has no API. */
async function startProbe(database: Database, host: string, port: number) {
  const { createProbe } = await import('../http/app.ts');
  const { HttpServer } = await import('../http/server.ts');
  const { health, measure } = await import('../jobs/workforce.ts');
  const jobs = () => health(database);
  const server = new HttpServer(
    createProbe({ database, checks: { jobs }, measure: () => measure(database) }),
    host,
    port,
  );
  return { server, address: await server.start() };
}
