/** A connection that does nothing but hear what other processes notify. It is a hint: while it is down, nothing is heard. */
import pg from 'pg';
import type { DatabaseConfig } from '../base/config.ts';

/** Pause before the next try to connect, in ms. */
const pause = 5_000;

export const addressOf = (config: DatabaseConfig) => ({
  host: config.socketPath ?? config.host,
  port: config.port,
  user: config.user,
  password: config.password,
  database: config.name,
  application_name: 'assetra',
  connectionTimeoutMillis: 5_000,
});

/** Behind a pooler that gives each transaction another connection, nothing comes through; whoever listens also polls. */
export function listen(config: DatabaseConfig, channel: string, hear: () => void): () => Promise<void> {
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const again = () => {
    client = undefined;
    if (!stopped) timer = setTimeout(() => void connect(), pause).unref();
  };
  const connect = async () => {
    const own = new pg.Client({ ...addressOf(config), keepAlive: true });
    client = own;
    own.on('notification', hear);
    own.on('error', () => own.end().catch(() => undefined));
    own.once('end', again);
    await own
      .connect()
      .then(() => own.query(`LISTEN ${channel}`))
      .catch(() => own.end().catch(again));
  };
  const connecting = connect();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await connecting;
    await client?.end().catch(() => undefined);
  };
}
