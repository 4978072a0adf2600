/** What differs between a PostgreSQL and a MariaDB that a test starts. */
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Server } from '../databases.ts';

export interface Kind {
  systemUser: string;
  root: string;
  rootDatabase: string;
  /** Ends it in order without waiting for its clients. */
  stopSignal: NodeJS.Signals;
  /** Programs that must be there. */
  programs: string[];
  make(data: string): string[];
  serve(data: string, socketFolder: string, port: number): string[];
  createSql(name: string): string[];
  readOnlySql(on: boolean): string[];
}

const postgresRoot = '/usr/lib/postgresql';
const folders = (): string[] => {
  const versions = existsSync(postgresRoot) ? readdirSync(postgresRoot).sort((a, b) => Number(b) - Number(a)) : [];
  const own = versions.map((version) => join(postgresRoot, version, 'bin'));
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin', ...own];
};

const find = (name: string): string | undefined =>
  folders()
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));

const path = (name: string): string => find(name) ?? name;

export const kinds: Record<Server, Kind> = {
  postgres: {
    systemUser: 'postgres',
    root: 'postgres',
    rootDatabase: 'postgres',
    stopSignal: 'SIGINT',
    programs: ['initdb', 'postgres'],
    make: (data) => [path('initdb'), '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'],
    serve: (data, sockets, port) => [
      path('postgres'),
      ...['-D', data, '-p', String(port), '-k', sockets, '-c', 'listen_addresses=127.0.0.1'],
    ],
    createSql: (name) => [`CREATE ROLE ${name} LOGIN`, `CREATE DATABASE ${name} OWNER ${name}`],
    readOnlySql: (on) => [
      `ALTER SYSTEM SET default_transaction_read_only = ${on ? 'on' : 'off'}`,
      'SELECT pg_reload_conf()',
    ],
  },
  mysql: {
    systemUser: 'mysql',
    root: 'root',
    rootDatabase: 'mysql',
    stopSignal: 'SIGTERM',
    programs: ['mariadb-install-db', 'mariadbd'],
    make: (data) => [
      path('mariadb-install-db'),
      ...['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db'],
      '--innodb-log-file-size=10M',
    ],
    serve: (data, sockets, port) => [
      path('mariadbd'),
      ...['--no-defaults', `--datadir=${data}`, `--socket=${sockets}/socket`, `--port=${port}`],
      ...['--bind-address=127.0.0.1', '--skip-name-resolve', '--innodb-log-file-size=10M'],
    ],
    createSql: (name) => [
      `CREATE DATABASE ${name} CHARACTER SET utf8mb4`,
      `CREATE USER ${name}@'%'`,
      `GRANT ALL ON ${name}.* TO ${name}@'%'`,
    ],
    readOnlySql: (on) => [`SET GLOBAL read_only = ${on ? 1 : 0}`],
  },
};

/** The programs that are not on this machine. */
export const lacking = (dialect: Server): string[] => kinds[dialect].programs.filter((name) => !find(name));
