/** A migrated database on the shared server, as a site names it. */
import { migratedDatabase, type Server } from '../databases.ts';
import { until } from '../pty.ts';

export interface OwnDatabase {
  host: string;
  port: number;
  /** Its DATABASE_URL; with the port of a proxy on loopback, by way of that. */
  url(proxied?: number): string;
  drop(): Promise<void>;
}

export async function ownDatabase(dialect: Server): Promise<OwnDatabase> {
  const { config, remove } = await migratedDatabase(dialect);
  const { host = '', port = 0, user = '', password = '', name } = config;
  const login = [user, password].filter(Boolean).map(encodeURIComponent).join(':');
  const url = (proxied?: number) =>
    `${dialect}://${login}@${proxied ? `127.0.0.1:${proxied}` : `${host}:${port}`}/${name}`;
  const removed = () =>
    remove().then(
      () => true,
      () => false,
    );
  // The server takes a moment to notice that its clients are gone.
  return { host, port, url, drop: () => until(removed, `${name} to be dropped`) };
}
