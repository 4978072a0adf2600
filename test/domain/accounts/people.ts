/** A site of two tenants made by the services themselves, people who can log in, and a clock that tests move. */
import { createSecretKey } from 'node:crypto';
import type { DatabaseConfig } from '../../../src/base/config.ts';
import { silentLog } from '../../../src/base/log.ts';
import type { Actor, Context, Role, Tenant, TenantContext } from '../../../src/db/context.ts';
import type { Database, Db } from '../../../src/db/database.ts';
import type { Dialect, Value } from '../../../src/db/dialect.ts';
import * as accounts from '../../../src/domain/accounts/service.ts';
import { temporaryDatabase } from '../../support/databases.ts';

export const password = 'correct horse battery';
export const settings: accounts.AccessSettings = {
  key: createSecretKey(Buffer.alloc(32, 9)),
  accessMinutes: 30,
  refreshDays: 7,
};

export interface Person {
  id: number;
  username: string;
}

export interface PeopleSite {
  config: DatabaseConfig;
  database: Database;
  plant: Tenant;
  other: Tenant;
  /** Moves the clock of every context on. */
  pass(seconds: number): void;
  /** A request before anyone is known; with another handle, one that another process serves. */
  stranger(database?: Db): Context;
  /** Whoever has the shell. */
  shell: Context;
  shellIn(tenant: Tenant): TenantContext;
  /** A new user, with `password`, in `plant` unless said. */
  person(username: string, role: Role, tenant?: Tenant): Promise<Person>;
  superuser(username: string): Promise<Person>;
  /** The context of a person in a tenant, as its role there has it. */
  as(person: Person, role: Role, tenant?: Tenant): TenantContext;
  close(): Promise<void>;
}

const nobody: Actor = { kind: 'system', id: null, label: 'anonymous', role: null, superuser: false };
const operatorAtShell: Actor = { kind: 'system', id: null, label: 'cli', role: 'admin', superuser: true };

export async function peopleSite(dialect: Dialect): Promise<PeopleSite> {
  const { config, database, drop } = await temporaryDatabase(dialect);
  let time = Date.parse('2026-03-01T08:00:00.000Z');
  const now = () => new Date(time);
  const stranger = (db: Db = database): Context => ({ db, tenant: null, actor: nobody, now, log: silentLog });
  const shell: Context = { ...stranger(), actor: operatorAtShell };
  const shellIn = (tenant: Tenant): TenantContext => ({ ...shell, tenant });
  const plant = await accounts.addTenant(shell, { name: 'Plant' });
  const other = await accounts.addTenant(shell, { name: 'Other' });
  return {
    config,
    database,
    plant,
    other,
    shell,
    stranger,
    shellIn,
    pass: (seconds) => {
      time += seconds * 1000;
    },
    person: (username, role, tenant = plant) => accounts.addUser(shellIn(tenant), { username, password, role }),
    superuser: (username) => accounts.addUser(shell, { username, password, superuser: true }),
    as: ({ id, username }, role, tenant = plant) => ({
      ...stranger(),
      tenant,
      actor: { kind: 'user', id, label: username, role, superuser: false },
    }),
    close: drop,
  };
}

export interface Gate {
  /** The database, with one step of the caller held until `open`. */
  db: Db;
  /** Settles when the caller stands at the gate. */
  reached: Promise<void>;
  open(): void;
}

/** Holds a transaction whose work is done just before its commit. */
export function beforeCommit(database: Database): Gate {
  const gate = gateOf(database);
  gate.db.transaction = (work) =>
    database.transaction(async (tx) => {
      const result = await work(tx);
      await gate.arrive();
      return result;
    });
  return gate;
}

/** Holds what a query on this table answered. */
export function afterReading(database: Database, table: string): Gate {
  const gate = gateOf(database);
  gate.db.query = async <T>(sql: string, params?: readonly Value[]) => {
    const rows = await database.query<T>(sql, params);
    if (sql.includes(`FROM ${table} `)) await gate.arrive();
    return rows;
  };
  return gate;
}

function gateOf(database: Database): Gate & { arrive(): Promise<void> } {
  let arrived = () => {};
  let open = () => {};
  const reached = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const arrive = () => {
    arrived();
    return opened;
  };
  return { db: handleOf(database), reached, open, arrive };
}

/** A handle of the same database whose single steps a test may replace. */
export function handleOf(database: Database): Db {
  return {
    dialect: database.dialect,
    inTransaction: false,
    build: database.build,
    forUpdate: database.forUpdate,
    forShare: database.forShare,
    query: (sql, params) => database.query(sql, params),
    execute: (sql, params) => database.execute(sql, params),
    run: (query, tail) => database.run(query, tail),
    insert: (table, row) => database.insert(table, row),
    insertMany: (table, rows) => database.insertMany(table, rows),
    insertAll: (table, rows) => database.insertAll(table, rows),
    transaction: (work) => database.transaction(work),
    skipLocked: database.skipLocked,
    clock: database.clock,
    updateReturning: database.updateReturning,
    oneWriter: database.oneWriter,
    jsonText: (column) => database.jsonText(column),
    shared: (work) => database.shared(work),
    savepoint: () => database.savepoint(),
    beforeCommit: () => database.beforeCommit(),
    afterCommit: () => database.afterCommit(),
  };
}

/** What the API would answer: status, and the detail or the fields. Undefined when nothing was thrown. */
export async function refusal(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
    return undefined;
  } catch (error) {
    const { status, fields, message } = error as { status: number; fields?: object; message: string };
    return fields ? [status, fields] : [status, message];
  }
}
