/** PostgreSQL: pg_dump out of a snapshot whose heads are read; psql back, all in one transaction. */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseConfig } from '../../base/config.ts';
import { newSecret } from '../../base/ids.ts';
import { type Dumper, LoadFailed } from './dumper.ts';
import { look, readState, upgrade, withDatabase } from './state.ts';
import { runTool } from './tool.ts';

const debian = 'postgresql-client';
const dumpFlags = ['--clean', '--if-exists', '--no-owner', '--no-privileges', '--no-password'];
const loadFlags = ['--no-psqlrc', '--quiet', '--no-password', '--single-transaction', '-v', 'ON_ERROR_STOP=1'];

export const postgresDump: Dumper = {
  member: 'database.sql',
  look,
  dump: (config, file, signal) =>
    withDatabase(config, ({ schema }) =>
      schema.transaction(
        async (trx) => {
          const { rows } = await trx.raw('SELECT pg_export_snapshot() AS id');
          const state = await readState(trx as never);
          const args = [...dumpFlags, `--snapshot=${rows[0].id}`];
          await runTool(
            { names: ['pg_dump'], package: debian },
            { args: () => args, env: environment(config), output: file, signal },
          );
          return state;
        },
        { isolationLevel: 'repeatable read', readOnly: true },
      ),
    ),
  async load(config, file, signal) {
    try {
      const home = await currentSchema(config);
      const folder = dirname(file);
      const before = join(folder, 'before.sql');
      const after = join(folder, 'after.sql');
      writeFileSync(before, emptyIt);
      writeFileSync(after, renewed(home));
      const args = [...loadFlags, ...[before, file, after].flatMap((path) => ['-f', path])];
      await runTool({ names: ['psql'], package: debian }, { args: () => args, env: environment(config), signal });
    } catch (error) {
      throw new LoadFailed(true, error);
    }
    return upgrade(config);
  },
};

const environment = ({ host, socketPath, port, user, password, name }: DatabaseConfig) => ({
  PGHOST: socketPath ?? host,
  PGPORT: String(port),
  PGUSER: user,
  PGPASSWORD: password,
  PGDATABASE: name,
  PGOPTIONS: '-c client_min_messages=warning',
});

const currentSchema = (config: DatabaseConfig): Promise<string> =>
  withDatabase(config, async (database) => {
    const [row] = await database.query<{ name: string }>('SELECT current_schema()::text AS name');
    return row!.name;
  });

/**
 * Takes every table away from whoever uses it, then drops all: a newer program's tables would stand in the way of older
 * ones. Requests stop at auth_version, so that what is under way can end. The locks are taken together or not at all, and
 * sooner than the server looks for deadlocks: a transaction of the daemon is never ended for them.
 */
const emptyIt = `DO $body$
DECLARE
  one record;
  names text;
  live bigint;
  patience timestamptz := clock_timestamp() + interval '60 seconds';
BEGIN
  IF to_regclass('auth_version') IS NOT NULL THEN LOCK TABLE auth_version IN ACCESS EXCLUSIVE MODE; END IF;
  SELECT string_agg(c.oid::regclass::text, ', ' ORDER BY c.oid) INTO names FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p');
  PERFORM set_config('lock_timeout', '200ms', true);
  WHILE names IS NOT NULL LOOP
    BEGIN
      EXECUTE 'LOCK TABLE ' || names || ' IN ACCESS EXCLUSIVE MODE';
      EXIT;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      IF clock_timestamp() > patience THEN RAISE; END IF;
      PERFORM pg_sleep(0.05);
    END;
  END LOOP;
  PERFORM set_config('lock_timeout', '0', true);
  IF to_regclass('auth_version') IS NOT NULL THEN EXECUTE 'SELECT max(version) FROM auth_version' INTO live; END IF;
  PERFORM set_config('assetra.auth_version', coalesce(live, 0)::text, false);
  FOR one IN SELECT c.oid::regclass::text AS name,
      CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
    FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
      AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('e', 'i', 'a'))
    ORDER BY c.relkind DESC
  LOOP EXECUTE format('DROP %s IF EXISTS %s CASCADE', one.kind, one.name); END LOOP;
  FOR one IN SELECT p.oid::regprocedure::text AS name FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace
      AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  LOOP EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', one.name); END LOOP;
END $body$;
`;

/** The dump leaves an empty search path behind. A table that is not where it is looked for undoes the whole. */
const renewed = (home: string): string => `
SELECT pg_catalog.set_config('search_path', ${text(`"${home.replaceAll('"', '""')}", pg_catalog`)}, false);
UPDATE auth_version SET version = greatest(version, current_setting('assetra.auth_version')::bigint) + 1;
DO $body$ BEGIN
  IF to_regclass('change_heads') IS NOT NULL THEN
    UPDATE change_heads SET epoch = left(encode(sha256(convert_to('${newSecret()}' || tenant_id, 'UTF8')), 'hex'), 16);
  END IF;
END $body$;
`;

const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
