/** Where a tenant's change sequence and its history chain stand: one row, whose lock is the right to number. */
import { newSecret } from '../base/ids.ts';
import type { Db } from '../db/database.ts';
import { UniqueViolation } from '../db/errors.ts';
import { chain, genesis, type Unsealed } from './seals.ts';

export interface Head {
  tenant_id: number;
  /** Number of the latest change; 0 before the first. */
  seq: number;
  /** Changes up to this number were pruned. */
  floor: number;
  /** Another one after a restore: numbers of before mean other changes then. */
  epoch: string;
  /** Number and hash of the latest seal. */
  seal_seq: number;
  seal_hash: string;
}

const selection = 'tenant_id, seq, floor, epoch, seal_seq, seal_hash';

export async function headOf(db: Db, tenant: number): Promise<Head | undefined> {
  const [head] = await db.query<Head>(`SELECT ${selection} FROM change_heads WHERE tenant_id = ?`, [tenant]);
  return head;
}

/** The tenant's head, made at first need and locked until the transaction ends. */
export async function lockHead(db: Db, tenant: number): Promise<Head> {
  const sql = `SELECT ${selection} FROM change_heads WHERE tenant_id = ?${db.forUpdate}`;
  const [known] = await db.query<Head>(sql, [tenant]);
  if (known) return known;
  const head: Head = { tenant_id: tenant, seq: 0, floor: 0, epoch: newSecret(9), seal_seq: 0, seal_hash: genesis };
  try {
    await db.savepoint(() => db.insertMany('change_heads', [{ ...head }]));
    return head;
  } catch (error) {
    // Another process made it between the two statements.
    if (!(error instanceof UniqueViolation)) throw error;
    return (await db.query<Head>(sql, [tenant]))[0]!;
  }
}

/** Moves a locked head on by that many changes, and seals the records that are among them. */
export async function advance(db: Db, head: Head, changes: number, records: readonly Unsealed[]): Promise<void> {
  const { seals, seal_seq, seal_hash } = chain(head.tenant_id, head, records);
  if (seals.length > 0) await db.insertMany('history_seals', seals);
  const sql = 'UPDATE change_heads SET seq = ?, seal_seq = ?, seal_hash = ? WHERE tenant_id = ?';
  await db.execute(sql, [head.seq + changes, seal_seq, seal_hash, head.tenant_id]);
}
