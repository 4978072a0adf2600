/** SQLite: its online backup, one way to take a copy, the other way to put one into the file that a daemon has open. */
import { existsSync, renameSync, rmSync } from 'node:fs';
import sqlite3 from 'sqlite3';
import type { DatabaseConfig } from '../../base/config.ts';
import { Unavailable } from '../../base/errors.ts';
import { translate } from '../errors.ts';
import { up } from '../migrate.ts';
import { type Dumper, LoadFailed } from './dumper.ts';
import { look, readState, renewEpochs, withDatabase } from './state.ts';

/** How long a copy waits for other writers, in ms. */
const patience = 60_000;
/** Changes of accounts that may happen between the reading of the live version and the end of the copy. */
const margin = 1_000;

export const sqliteDump: Dumper = {
  member: 'database.sqlite',
  async look(config) {
    if (!existsSync(config.filename!)) return { kind: 'empty' };
    try {
      return await look(config);
    } catch (error) {
      return { kind: 'unreadable', reason: (error as Error).message };
    }
  },
  async dump({ filename, poolSize }, file, signal) {
    await takeFrom(filename!, file);
    signal.throwIfAborted();
    return withDatabase({ dialect: 'sqlite', filename: file, poolSize }, async ({ schema }) => {
      const state = await readState(schema);
      // One file that can be read from anywhere, with nothing beside it.
      await schema.raw('PRAGMA journal_mode = DELETE');
      return state;
    });
  },
  async load(config, file, signal) {
    const existed = existsSync(config.filename!);
    try {
      const live = existed ? await liveVersion(config.filename!) : 0;
      const applied = await withDatabase({ ...config, filename: file }, async (database) => {
        const names = await up(database);
        await renewEpochs(database);
        const [row] = await database.query<{ version: number }>('SELECT version FROM auth_version');
        const version = Math.max(live, row?.version ?? 0) + margin;
        await database.execute('UPDATE auth_version SET version = ?', [version]);
        return names;
      });
      signal.throwIfAborted();
      await putIn(config.filename!, file);
      return applied;
    } catch (error) {
      if (!existed) for (const end of ['', '-wal', '-shm']) rmSync(config.filename! + end, { force: true });
      throw new LoadFailed(true, translate(error, 'sqlite'));
    }
  },
};

async function takeFrom(filename: string, file: string): Promise<void> {
  try {
    // Writes nothing, but one that may only read would leave its lock files behind.
    const live = await open(filename, sqlite3.OPEN_READWRITE);
    await copy(live, file, 'out').finally(() => close(live));
  } catch (error) {
    throw translate(error, 'sqlite');
  }
}

/** Into the open file, as one transaction of it: whoever has it open sees the other content at the next statement. */
async function putIn(filename: string, file: string): Promise<void> {
  const mode = sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE;
  const live = await open(filename, mode);
  try {
    await exec(live, 'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    await copy(live, file, 'in');
    // Else the next to write a scan would have to move all of it from the log into the file.
    await exec(live, 'PRAGMA wal_checkpoint(PASSIVE)');
  } finally {
    await close(live);
  }
}

/** Of a file that is no database any more there is none; it is set aside, so that another can take its place. */
async function liveVersion(filename: string): Promise<number> {
  const config: DatabaseConfig = { dialect: 'sqlite', filename, poolSize: 1 };
  try {
    return await withDatabase(config, async ({ schema }) => {
      if (!(await schema.schema.hasTable('auth_version'))) return 0;
      return (await schema('auth_version').max({ version: 'version' }).first())?.version ?? 0;
    });
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
    if (code !== 'SQLITE_NOTADB' && code !== 'SQLITE_CORRUPT') throw error;
    const aside = `${filename}.damaged-${Date.now()}`;
    for (const end of ['', '-wal', '-shm']) if (existsSync(filename + end)) renameSync(filename + end, aside + end);
    return 0;
  }
}

interface Backup {
  completed: boolean;
  failed: boolean;
  step(pages: number, done: (error: (Error & { code?: string }) | null) => void): void;
  finish(done: () => void): void;
}
type Handle = sqlite3.Database & {
  backup(file: string, to: string, from: string, outward: boolean, done: (error: Error | null) => void): Backup;
};

/** All pages in one step, so in one state. `out` copies the handle's database to the file, `in` the file into the database. */
async function copy(handle: Handle, file: string, way: 'out' | 'in'): Promise<void> {
  const end = Date.now() + patience;
  const backup = await new Promise<Backup>((resolve, reject) => {
    const begun: Backup = handle.backup(file, 'main', 'main', way === 'out', (error) =>
      error ? reject(error) : resolve(begun),
    );
  });
  try {
    while (!backup.completed) {
      const error = await new Promise<(Error & { code?: string }) | null>((resolve) => backup.step(-1, resolve));
      const busy = error?.code === 'SQLITE_BUSY' || error?.code === 'SQLITE_LOCKED';
      if (busy && Date.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
      if (error) throw error;
      if (backup.failed) throw new Unavailable('The database is in use by another copy. Try again.');
    }
  } finally {
    await new Promise<void>((resolve) => backup.finish(resolve));
  }
}

const open = (filename: string, mode: number): Promise<Handle> =>
  new Promise((resolve, reject) => {
    const handle = new sqlite3.Database(filename, mode, (error) => (error ? reject(error) : resolve(handle))) as Handle;
    handle.configure('busyTimeout', 5_000);
  });

const exec = (handle: Handle, sql: string): Promise<void> =>
  new Promise((resolve, reject) => handle.exec(sql, (error) => (error ? reject(error) : resolve())));

const close = (handle: Handle): Promise<void> =>
  new Promise((resolve, reject) => handle.close((error) => (error ? reject(error) : resolve())));
