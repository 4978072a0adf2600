/** One link of the chain as the database holds it, and what is wrong with its record by itself. */
import canonicalize from 'canonicalize';
import { sha256 } from '../../base/ids.ts';
import type { Db } from '../../db/database.ts';

/** A seal with what it covers. */
export interface Link {
  seq: number;
  history_id: number;
  prev_hash: string;
  hash: string;
  /** Null when the record is gone. */
  body: string | null;
  checksum: string;
  /** The columns make the same text as the body. False too where the database escapes text in its own way. */
  same: boolean | number;
}

/** Every column of a record. */
interface HistoryColumns {
  tenant_id: number;
  asset_id: number;
  event_type: string;
  actor_id: number | null;
  actor_label: string;
  location_id: number | null;
  gps_latitude: string | null;
  gps_longitude: string | null;
  previous_state: string;
  new_state: string;
  body: string;
  checksum: string;
  created_at: string;
  updated_at: string;
}

/** The columns of a link. The comparison is the database's: fetching a dozen columns to compare them here takes three times as long. */
export function linkColumns(db: Db): string {
  const text = (column: string) => db.jsonText(`h.${column}`);
  const number = (column: string) => `COALESCE(CAST(h.${column} AS CHAR(20)), 'null')`;
  // RFC 8785 fixes the order of the keys, so equal columns make an equal body.
  const parts = [
    `'{"actor":', ${number('actor_id')}, ',"actor_label":', ${text('actor_label')}, ',"asset":', h.asset_id`,
    `',"created_at":', ${text('created_at')}, ',"event_type":', ${text('event_type')}`,
    `',"gps_latitude":', ${text('gps_latitude')}, ',"gps_longitude":', ${text('gps_longitude')}`,
    `',"location":', ${number('location_id')}, ',"new_state":', h.new_state`,
    `',"previous_state":', h.previous_state, ',"tenant":', h.tenant_id, '}'`,
  ];
  const same = `h.body = CONCAT(${parts.join(', ')}) AND h.updated_at = h.created_at AND h.tenant_id = s.tenant_id`;
  return `s.seq, s.history_id, s.prev_hash, s.hash, h.body, h.checksum, (${same}) AS same`;
}

/** Whether the columns surely are what was hashed: a separator that comes twice could be read as another column's. */
export const isPlain = ({ same, body }: Link): boolean =>
  Boolean(same) &&
  [',"new_state":', ',"previous_state":'].every(
    (separator) => body!.indexOf(separator) === body!.lastIndexOf(separator),
  );

/** What was changed in the record, as the end of a sentence; undefined when it is as it was hashed. */
export async function editOf(db: Db, { history_id }: Link): Promise<string | undefined> {
  const columns =
    'tenant_id, asset_id, event_type, actor_id, actor_label, location_id, gps_latitude, gps_longitude, ' +
    'previous_state, new_state, body, checksum, created_at, updated_at';
  const sql = `SELECT ${columns} FROM asset_state_history WHERE id = ?`;
  const [record] = await db.query<HistoryColumns>(sql, [history_id]);
  if (!record) return 'it was deleted';
  if (sha256(record.body) !== record.checksum) return 'body or checksum was changed';
  const changed = changedColumns(record);
  return changed.length === 0 ? undefined : `${changed.join(', ')} ${changed.length > 1 ? 'were' : 'was'} changed`;
}

function changedColumns({ body: text, checksum: _, updated_at, ...columns }: HistoryColumns): string[] {
  const body = parsed(text) as Record<string, unknown>;
  const values: Record<string, unknown> = {
    ...columns,
    previous_state: parsed(columns.previous_state),
    new_state: parsed(columns.new_state),
  };
  const differs = (column: string) => canonicalize(values[column]) !== canonicalize(body[column.replace(/_id$/, '')]);
  const changed = Object.keys(values).filter(differs);
  // Not in the body: a record is never updated.
  return changed.length > 0 || updated_at === columns.created_at ? changed : ['updated_at'];
}

/** What is no JSON is nothing that was hashed. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
