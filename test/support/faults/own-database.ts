import type { DatabaseConfig } from '../../../src/base/config.ts';

/** The DATABASE_URL of a database on a server, or of a proxy's port on loopback before it. */
export function urlOf(
  { dialect, host, port, user = '', password = '', name }: DatabaseConfig,
  proxied?: number,
): string {
  const login = [user, password].filter(Boolean).map(encodeURIComponent).join(':');
  return `${dialect}://${login}@${proxied ? `127.0.0.1:${proxied}` : `${host}:${port}`}/${name}`;
}
