/**
 * Scans on this machine's disk until the server has them: a scan is kept before it is sent, in the order it was made. Beside
 * them the state that the server's last answer left the screen's mode in, as the next scan goes on from there.
 */

const waiting = 'waiting';
const refused = 'refused';
const states = 'states';

/** Rejects where the browser keeps nothing (a private window): then no scan may be taken. */
export async function openQueue() {
  let db = await opened();
  /** What the disk would not take, as when it is full: it is sent all the same, and lost only if the page is closed before. */
  const memory = [];
  const memoryStates = new Map();

  /** A browser may close the database under a page, as when it is short of room: once more with a new one. */
  const using = async (work) => {
    try {
      return await work();
    } catch (error) {
      if (error?.name !== 'InvalidStateError') throw error;
      db = await opened();
      return work();
    }
  };
  const read = (store, ask) => using(() => result(ask(db.transaction(store).objectStore(store))));
  /** `strict`: told only when it is on disk. For the rest it is enough that the disk gets it whole: what is lost is sent once more. */
  const write = (stores, work, durability = 'relaxed') =>
    using(
      () =>
        new Promise((resolve, reject) => {
          const tx = db.transaction(stores, 'readwrite', { durability });
          tx.oncomplete = () => resolve();
          tx.onerror = () => reject(tx.error);
          tx.onabort = () => reject(tx.error);
          work((store) => tx.objectStore(store));
        }),
    );
  /** Out of the queue; nothing when another window has done so, as what it knows is newer. */
  const leave = async (scan, stores, then) => {
    const at = memory.indexOf(scan);
    if (at >= 0) memory.splice(at, 1);
    await write([waiting, ...stores], (store) => {
      if (at >= 0) return then(store);
      const asked = store(waiting).get(scan.n);
      asked.onsuccess = () => {
        if (!asked.result) return;
        store(waiting).delete(scan.n);
        then(store);
      };
    });
  };
  return {
    /** Undefined when it is on disk, else why it is only in memory. */
    add: async (scan) => {
      try {
        await write([waiting], (store) => store(waiting).add(scan), 'strict');
        return undefined;
      } catch (error) {
        memory.push(scan);
        return error ?? new Error('The disk is full.');
      }
    },
    /** The oldest of the tenant; those of another wait until the screen is paired with it again. */
    first: async (tenant) => {
      const kept = await using(() => firstOf(db, tenant));
      const held = memory.find((scan) => scan.tenant === tenant);
      return kept && held ? (kept.at <= held.at ? kept : held) : (kept ?? held);
    },
    /** The server has it. `reason`: it came too late to be done, which a person must see. */
    done: async (scan, state, reason) => {
      const { n, ...kept } = scan;
      try {
        await leave(scan, [states, refused], (store) => {
          store(states).put({ tenant: scan.tenant, state });
          if (reason) store(refused).add({ ...kept, reason, final: true });
        });
        memoryStates.delete(scan.tenant);
      } catch {
        // A disk that takes nothing: the scan comes once more after a reload, and changes nothing then.
        memoryStates.set(scan.tenant, state);
        if (n !== undefined) await write([waiting], (store) => store(waiting).delete(n));
      }
    },
    /** Out of the way of the next, but kept for a person to look at. */
    refuse: (scan, reason) => {
      const { n, ...kept } = scan;
      return leave(scan, [refused], (store) => store(refused).add({ ...kept, reason }));
    },
    state: async (tenant) =>
      memoryStates.get(tenant) ?? (await read(states, (store) => store.get(tenant)))?.state ?? null,
    /** All of them once more, after those that wait; save those whose time is over. */
    retry: async () => {
      const rows = (await read(refused, (store) => store.getAll())).filter(({ final }) => !final);
      await write([waiting, refused], (store) => {
        for (const { n, reason, ...scan } of rows) {
          store(refused).delete(n);
          store(waiting).add(scan);
        }
      });
    },
    remove: (n) => write([refused], (store) => store(refused).delete(n)),
    refused: () => read(refused, (store) => store.getAll()),
    waiting: async () => [...(await read(waiting, (store) => store.getAll())), ...memory],
    counts: async () => ({
      waiting: (await read(waiting, (store) => store.count())) + memory.length,
      refused: await read(refused, (store) => store.count()),
    }),
  };
}

async function opened() {
  const request = indexedDB.open('assetra-kiosk', 2);
  request.onupgradeneeded = ({ oldVersion }) => {
    if (oldVersion < 1) {
      request.result.createObjectStore(waiting, { keyPath: 'n', autoIncrement: true });
      request.result.createObjectStore(refused, { keyPath: 'n', autoIncrement: true });
    }
    request.result.createObjectStore(states, { keyPath: 'tenant' });
  };
  const db = await result(request);
  // A newer page in another window must not wait for this one.
  db.onversionchange = () => {
    db.close();
    location.reload();
  };
  return db;
}

async function firstOf(db, tenant) {
  const cursor = db.transaction(waiting).objectStore(waiting).openCursor();
  return new Promise((resolve, reject) => {
    cursor.onerror = () => reject(cursor.error);
    cursor.onsuccess = () => {
      const at = cursor.result;
      if (!at || at.value.tenant === tenant) resolve(at?.value);
      else at.continue();
    };
  });
}

const result = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** Also where the page is not secure, and `crypto.randomUUID` therefore not there. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
