/** Tells of commits: those who listen in this process at once, those of others where the database can. A hint that may be lost. */
import { EventEmitter } from 'node:events';
import type { Database } from '../db/database.ts';

/** A burst of commits is one notification, as each takes a lock of the whole PostgreSQL server at its commit. In ms. */
const pause = 25;

export interface Bell {
  /** For `Db.afterCommit`: one function, so that a transaction rings once however often it asks. */
  ring(database: Database): void;
  /** Calls back at every ring until the answer is called; on PostgreSQL each call holds a connection. */
  onRing(database: Database, hear: () => void): () => Promise<void>;
}

export function bell(channel: string): Bell {
  const emitter = new EventEmitter().setMaxListeners(0);
  const waiting = new Set<Database>();
  return {
    ring: (database) => {
      emitter.emit('ring');
      if (waiting.has(database)) return;
      waiting.add(database);
      setTimeout(() => {
        waiting.delete(database);
        database.notify(channel);
      }, pause).unref();
    },
    onRing: (database, hear) => {
      emitter.on('ring', hear);
      const deafen = database.listen(channel, hear);
      return async () => {
        emitter.off('ring', hear);
        await deafen();
      };
    },
  };
}
