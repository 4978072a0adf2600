/** The whole database to a file and back, while others use it; how, each dialect knows best. */
import type { Dialect } from './dialect.ts';
import type { Dumper } from './dump/dumper.ts';
import { mysqlDump } from './dump/mysql.ts';
import { postgresDump } from './dump/postgres.ts';
import { sqliteDump } from './dump/sqlite.ts';

export { type Content, type Dumper, type HeadState, LoadFailed, type Snapshot } from './dump/dumper.ts';

const dumpers: Record<Dialect, Dumper> = { sqlite: sqliteDump, postgres: postgresDump, mysql: mysqlDump };

export const dumperFor = (dialect: Dialect): Dumper => dumpers[dialect];
