/** Scans on this machine's disk until the server has them: a scan is kept before it is sent, in the order it was made. */

const waiting = 'waiting';
const refused = 'refused';

/** Rejects where the browser keeps nothing (a private window): then no scan may be taken. */
export async function openQueue() {
  const request = indexedDB.open('assetra-kiosk', 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore(waiting, { keyPath: 'n', autoIncrement: true });
    request.result.createObjectStore(refused, { keyPath: 'n', autoIncrement: true });
  };
  const db = await result(request);
  const read = (store) => db.transaction(store).objectStore(store);
  /** `strict`: told only when it is on disk. */
  const write = (stores, work) =>
    new Promise((resolve, reject) => {
      const tx = db.transaction(stores, 'readwrite', { durability: 'strict' });
      tx.oncomplete = () => resolve();
      tx.onerror = () => reject(tx.error);
      tx.onabort = () => reject(tx.error);
      work((store) => tx.objectStore(store));
    });
  return {
    add: (scan) => write([waiting], (store) => store(waiting).add(scan)),
    /** The oldest of the tenant; those of another wait until the screen is paired with it again. */
    first: async (tenant) => {
      const cursor = read(waiting).openCursor();
      return new Promise((resolve, reject) => {
        cursor.onerror = () => reject(cursor.error);
        cursor.onsuccess = () => {
          const at = cursor.result;
          if (!at || at.value.tenant === tenant) resolve(at?.value);
          else at.continue();
        };
      });
    },
    done: (scan) => write([waiting], (store) => store(waiting).delete(scan.n)),
    /** Out of the way of the next, but kept for a person to look at. */
    refuse: ({ n, ...scan }, reason) =>
      write([waiting, refused], (store) => {
        store(waiting).delete(n);
        store(refused).add({ ...scan, reason });
      }),
    /** All of them once more, after those that wait. */
    retry: async () => {
      const rows = await result(read(refused).getAll());
      await write([waiting, refused], (store) => {
        store(refused).clear();
        for (const { n, reason, ...scan } of rows) store(waiting).add(scan);
      });
    },
    remove: (n) => write([refused], (store) => store(refused).delete(n)),
    refused: () => result(read(refused).getAll()),
    waiting: () => result(read(waiting).getAll()),
    counts: async () => ({
      waiting: await result(read(waiting).count()),
      refused: await result(read(refused).count()),
    }),
  };
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
