/** The chain over a tenant's history: each seal covers its record's content and the seal before it. */
import { sha256 } from '../base/ids.ts';

/** What the first seal of a tenant follows. */
export const genesis = '0'.repeat(64);

/**
 * Hash of seal `seq`: SHA-256 over `assetra-h1`, the previous seal's hash, `seq` in decimal and the record's content hash,
 * a line feed between each. Content hash is SHA-256 over the record's RFC 8785 body.
 */
export const sealHash = (previous: string, seq: number, contentHash: string): string =>
  sha256(`assetra-h1\n${previous}\n${seq}\n${contentHash}`);

export type Seal = {
  tenant_id: number;
  seq: number;
  history_id: number;
  prev_hash: string;
  hash: string;
};

/** A record that waits for its seal. */
export interface Unsealed {
  history_id: number;
  checksum: string;
}

/** The records among rows of the change log, by the log's own hash: one that was taken away before its seal is still missed. */
export const unsealedOf = (rows: readonly { history_id: number | null; content_hash: string | null }[]): Unsealed[] =>
  rows.flatMap(({ history_id, content_hash: checksum }) =>
    history_id !== null && checksum !== null ? { history_id, checksum } : [],
  );

/** Seals for the records, in their order, after the seal `from`; answers the last one's number and hash with them. */
export function chain(tenant: number, from: { seal_seq: number; seal_hash: string }, records: readonly Unsealed[]) {
  let { seal_seq, seal_hash } = from;
  const seals = records.map(({ history_id, checksum }): Seal => {
    seal_seq += 1;
    const seal = { tenant_id: tenant, seq: seal_seq, history_id, prev_hash: seal_hash };
    seal_hash = sealHash(seal_hash, seal_seq, checksum);
    return { ...seal, hash: seal_hash };
  });
  return { seals, seal_seq, seal_hash };
}
