/** Tells runners that there is something to claim: those of this process at once, those of others where the database can. */
import { EventEmitter } from 'node:events';
import type { Database } from '../db/database.ts';

const channel = 'assetra_jobs';
/** A burst of commits is one notification, as each takes a lock of the whole PostgreSQL server at its commit. In ms. */
const pause = 25;

const emitter = new EventEmitter().setMaxListeners(0);
const waiting = new Set<Database>();

/** For `Db.afterCommit`: one function, so that a transaction wakes once however many jobs it adds. */
export function wake(database: Database): void {
  emitter.emit('wake');
  if (waiting.has(database)) return;
  waiting.add(database);
  setTimeout(() => {
    waiting.delete(database);
    database.notify(channel);
  }, pause).unref();
}

/** Calls back at every wake-up until the answer is called. */
export function onWake(database: Database, hear: () => void): () => Promise<void> {
  emitter.on('wake', hear);
  const deafen = database.listen(channel, hear);
  return async () => {
    emitter.off('wake', hear);
    await deafen();
  };
}
