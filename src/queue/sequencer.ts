/**
 * Numbers and seals what was committed without: under the tenant's head lock, in the order of the log's ids. Whoever needs
 * the numbers runs it; the daemon's loop does where nobody else does. Where one transaction writes at a time it finds nothing.
 */
import type { Log } from '../base/log.ts';
import type { Database, Db } from '../db/database.ts';
import { advance, lockHead } from './heads.ts';
import { unsealedOf } from './seals.ts';

/** Changes numbered under one lock. */
const batch = 2_000;
/** Pauses of the loop, in ms: after work, and the longest when there is none. Shorter ones cost the writers more than they are worth. */
const busy = 100;
const idle = 1_000;

interface Waiting {
  id: number;
  history_id: number | null;
  content_hash: string | null;
}

/** Numbers everything of the tenant that was committed before the call. */
export async function catchUp(db: Db, tenant: number): Promise<void> {
  if (db.oneWriter) return;
  while ((await waits(db, tenant)) && (await db.transaction((tx) => numberBatch(tx, tenant))) === batch);
}

/** The same for every tenant; answers whether there was anything. */
export async function catchUpAll(db: Db): Promise<boolean> {
  if (db.oneWriter) return false;
  const sql =
    'SELECT t.id FROM tenants t WHERE EXISTS (SELECT 1 FROM change_log c WHERE c.tenant_id = t.id AND c.seq IS NULL)';
  const tenants = await db.query<{ id: number }>(sql);
  for (const { id } of tenants) await catchUp(db, id);
  return tenants.length > 0;
}

async function waits(db: Db, tenant: number): Promise<boolean> {
  const sql = 'SELECT id FROM change_log WHERE tenant_id = ? AND seq IS NULL LIMIT 1';
  return (await db.query(sql, [tenant])).length > 0;
}

async function numberBatch(tx: Db, tenant: number): Promise<number> {
  const head = await lockHead(tx, tenant);
  const sql =
    'SELECT id, history_id, content_hash FROM change_log WHERE tenant_id = ? AND seq IS NULL ORDER BY id LIMIT ?';
  const rows = await tx.query<Waiting>(sql, [tenant, batch]);
  if (rows.length === 0) return 0;
  await number(tx, tenant, head.seq, rows);
  await numberEvents(tx, head.seq, rows);
  await advance(tx, head, rows.length, unsealedOf(rows));
  return rows.length;
}

/** Changes with neighbouring ids: their numbers are their ids moved by a constant. */
interface Run {
  first: number;
  last: number;
  shift: number;
}

function* runsOf(from: number, rows: readonly Waiting[]): Generator<Run> {
  for (let start = 0, end = 0; start < rows.length; start = end) {
    while (end < rows.length && rows[end]!.id === rows[start]!.id + (end - start)) end += 1;
    const first = rows[start]!.id;
    yield { first, last: first + (end - start) - 1, shift: from + start + 1 - first };
  }
}

async function number(tx: Db, tenant: number, from: number, rows: readonly Waiting[]): Promise<void> {
  const sql = 'UPDATE change_log SET seq = id + ? WHERE tenant_id = ? AND id BETWEEN ? AND ? AND seq IS NULL';
  for (const { first, last, shift } of runsOf(from, rows)) await tx.execute(sql, [shift, tenant, first, last]);
}

/** An event has the number of the change that it tells. */
async function numberEvents(tx: Db, from: number, rows: readonly Waiting[]): Promise<void> {
  const between = 'change_id BETWEEN ? AND ?';
  const told = await tx.query(`SELECT id FROM outbox_events WHERE ${between} LIMIT 1`, [rows[0]!.id, rows.at(-1)!.id]);
  if (told.length === 0) return;
  const sql = `UPDATE outbox_events SET sequence = change_id + ? WHERE ${between} AND sequence IS NULL`;
  for (const { first, last, shift } of runsOf(from, rows)) await tx.execute(sql, [shift, first, last]);
}

/** The loop of a daemon: close behind the writers while they write, seldom when nobody does. */
export class Sequencer {
  readonly #database: Database;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();
  #pause = busy;

  constructor(database: Database, log: Log) {
    this.#database = database;
    this.#log = log;
  }

  start(): void {
    if (this.#database.oneWriter) return;
    this.#timer = setTimeout(() => {
      this.#round = this.#run();
    }, this.#pause);
  }

  /** Waits for the round that is under way. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#round;
  }

  async #run(): Promise<void> {
    try {
      const found = await catchUpAll(this.#database);
      this.#pause = found ? busy : Math.min(this.#pause * 2, idle);
    } catch (error) {
      this.#pause = idle;
      this.#log.warn({ err: error }, 'Changes could not be numbered; they are next time.');
    }
    if (this.#timer) this.start();
  }
}
