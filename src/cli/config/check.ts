import { existsSync } from 'node:fs';
import { type Config, loadConfig } from '../../base/config.ts';
import type { Run } from '../command.ts';

export const run: Run = async ({ flags, out }) => {
  const config = loadConfig(flags);
  const initialised = existsSync(config.dir);
  out.result({ valid: true, dir: config.dir, initialised, database: config.database.dialect }, () =>
    [
      'The settings are valid.',
      `Folder: ${config.dir}${initialised ? '' : ' (not made yet: run assetra init)'}`,
      `Database: ${describeDatabase(config.database)}`,
      `Address: ${config.http.host}, port ${config.http.port}`,
    ].join('\n'),
  );
};

function describeDatabase(database: Config['database']): string {
  if (database.dialect === 'sqlite') return `SQLite, ${database.filename}`;
  const server = database.dialect === 'postgres' ? 'PostgreSQL' : 'MySQL or MariaDB';
  return `${server}, ${database.name} at ${database.socketPath ?? `${database.host}:${database.port}`}`;
}
