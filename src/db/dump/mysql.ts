/** MariaDB and MySQL: their dump tool out of one snapshot; back through their client, with the tables away meanwhile. */
import { createReadStream } from 'node:fs';
import type { Knex } from 'knex';
import type { DatabaseConfig } from '../../base/config.ts';
import { AppError } from '../../base/errors.ts';
import { newSecret } from '../../base/ids.ts';
import { retryable } from '../errors.ts';
import { type Dumper, LoadFailed } from './dumper.ts';
import { look, readState, upgrade, withDatabase } from './state.ts';
import { runTool, type Tool } from './tool.ts';

const dumpTool: Tool = { names: ['mariadb-dump', 'mysqldump'], package: 'mariadb-client' };
const client: Tool = { names: ['mariadb', 'mysql'], package: 'mariadb-client' };
const packet = '--max-allowed-packet=512M';
const dumpFlags = [
  '--single-transaction',
  '--skip-lock-tables',
  '--hex-blob',
  '--triggers',
  '--no-tablespaces',
  '--default-character-set=utf8mb4',
  packet,
];
/** What MySQL's own tool would write for replicas; `loose`, as MariaDB's of that name does not know it. */
const oracleFlags = ['--loose-set-gtid-purged=OFF', '--loose-column-statistics=0'];
/** Who makes triggers with binary logging must be an administrator; migrations go on without them, and so does a restore. */
const needsAdministrator = 1419;
/** Tries of a restore that meets others' transactions. */
const attempts = 20;
const probe = 'assetra_restore_probe';

export const mysqlDump: Dumper = {
  member: 'database.sql',
  look,
  dump: (config, file, signal) =>
    withDatabase(config, async ({ schema }) => {
      // Read before the dump begins its snapshot, which is then at these heads or ahead of them.
      const state = await readState(schema);
      const { tables, views } = await listed(schema);
      const args = (name: string) => [
        ...server(config),
        ...dumpFlags,
        ...(name === 'mysqldump' ? oracleFlags : []),
        config.name!,
        ...views,
        ...tables.sort(lastOnes),
      ];
      await runTool(dumpTool, { args, env: { MYSQL_PWD: config.password }, output: file, signal });
      return state;
    }),
  async load(config, file, signal) {
    const run = (input: (name: string) => AsyncIterable<Buffer>) => {
      const args = () => [...server(config), '--default-character-set=utf8mb4', packet, config.name!];
      return runTool(client, { args, env: { MYSQL_PWD: config.password }, input, signal });
    };
    const progress: Progress = { kept: true, version: 0 };
    try {
      const triggers = await withDatabase(config, ({ schema }) => takesTriggers(schema));
      // Nothing is undone here: a client that is missing or refused must show before the first table is gone.
      await run(nothing);
      await persist(async () => {
        await withDatabase({ ...config, poolSize: 1 }, ({ schema }) => empty(schema, progress));
        await run((name) => script(file, progress.version, { triggers, sandbox: name === 'mariadb' }));
      });
    } catch (error) {
      throw new LoadFailed(progress.kept, error);
    }
    return upgrade(config);
  },
};

interface Progress {
  /** No table is gone yet. */
  kept: boolean;
  /** The highest auth_version that was met. */
  version: number;
}

/** A drop may meet a transaction that is under way, and lose; then all begins again. None can commit any more. */
async function persist(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const met = retryable(error) || /ERROR (1213|1205) /.test((error as Error).message);
      if (!met || attempt === attempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50 * attempt));
    }
  }
}

const server = ({ host, port, socketPath, user }: DatabaseConfig): string[] => [
  '--no-defaults',
  ...(socketPath ? [`--socket=${socketPath}`] : [`--host=${host}`, `--port=${port}`, '--protocol=tcp']),
  ...(user === undefined ? [] : [`--user=${user}`]),
];

interface Listed {
  tables: string[];
  views: string[];
}

async function listed(knex: Knex): Promise<Listed> {
  const [rows] = await knex.raw('SHOW FULL TABLES');
  const named = (rows as Record<string, string>[]).map((row) => Object.values(row) as [string, string]);
  const of = (view: boolean) => named.filter(([, kind]) => (kind === 'VIEW') === view).map(([name]) => name);
  return { tables: of(false), views: of(true) };
}

/**
 * While tables are missing, requests stop at auth_version and every change at change_log: they come back last, so that
 * nobody reads or writes a half.
 */
const ranks = ['auth_version', 'change_log'];
const lastOnes = (a: string, b: string): number => ranks.indexOf(a) - ranks.indexOf(b) || (a < b ? -1 : 1);

/** On one connection: its settings and locks are the session's. */
async function empty(knex: Knex, progress: Progress): Promise<void> {
  const { tables, views } = await listed(knex);
  await knex.raw('SET SESSION foreign_key_checks = 0');
  await knex.raw('SET SESSION lock_wait_timeout = 20');
  if (tables.includes('change_log')) await knex.raw('DROP TABLE change_log');
  progress.kept = false;
  if (tables.includes('auth_version')) {
    await knex.raw('LOCK TABLES auth_version WRITE');
    const [row] = await knex('auth_version').max({ version: 'version' });
    progress.version = Math.max(progress.version, Number(row?.version ?? 0));
    await knex.raw('DROP TABLE auth_version');
    await knex.raw('UNLOCK TABLES');
  }
  for (const name of views) await knex.raw(`DROP VIEW ${quoted(name)}`);
  for (const name of tables.filter((table) => !ranks.includes(table))) await knex.raw(`DROP TABLE ${quoted(name)}`);
}

const quoted = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

interface Abilities {
  /** The user may make triggers. */
  triggers: boolean;
  /** The client knows MariaDB's mode for dumps, in which it runs no commands of the shell. */
  sandbox: boolean;
}

async function* nothing(): AsyncGenerator<Buffer> {
  yield Buffer.from('SELECT 1;\n');
}

async function* script(file: string, version: number, server: Abilities): AsyncGenerator<Buffer> {
  yield Buffer.from('SET FOREIGN_KEY_CHECKS = 0; SET SESSION lock_wait_timeout = 20;\n');
  let heads = false;
  for await (const line of linesOf(file)) {
    heads ||= line.startsWith('CREATE TABLE `change_heads`');
    const own = ownLine(line, server);
    if (own !== undefined) yield Buffer.from(`${own}\n`, 'latin1');
  }
  yield Buffer.from(renewed(version, heads));
}

/** Bytes as latin1, so that they come out as they went in. Not readline: it also breaks lines at U+2028. */
async function* linesOf(file: string): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of createReadStream(file, { encoding: 'latin1', highWaterMark: 1024 * 1024 })) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest) yield rest;
}

/**
 * A line of the dump for this server. Views and triggers belong to who restores them: only an administrator may name
 * someone else. Rows cannot be mistaken for either, as line feeds within them are escaped.
 */
export function ownLine(line: string, { triggers, sandbox }: Abilities): string | undefined {
  if (!sandbox && line.startsWith('/*M!999999')) return undefined;
  if (!line.startsWith('/*!50')) return line;
  if (!triggers && /^\/\*!50003 CREATE\*\/.* TRIGGER /.test(line)) return undefined;
  return line.replace(/ ?DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*`/, '');
}

const renewed = (version: number, heads: boolean): string =>
  [
    `UPDATE auth_version SET version = GREATEST(version, ${version}) + 1;`,
    heads ? `UPDATE change_heads SET epoch = LEFT(SHA2(CONCAT('${newSecret()}', tenant_id), 256), 16);` : '',
    '',
  ].join('\n');

async function takesTriggers(knex: Knex): Promise<boolean> {
  try {
    await knex.raw(`CREATE TABLE IF NOT EXISTS ${probe} (id INT)`);
    await knex.raw(`CREATE TRIGGER ${probe}_trigger BEFORE INSERT ON ${probe} FOR EACH ROW SET NEW.id = 1`);
    return true;
  } catch (error) {
    if ((error as { errno?: number }).errno === needsAdministrator) return false;
    throw new AppError(
      'restore',
      500,
      `The database user may not make tables and triggers: ${(error as Error).message}`,
    );
  } finally {
    await knex.raw(`DROP TABLE IF EXISTS ${probe}`).catch(() => undefined);
  }
}
