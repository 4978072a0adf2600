/** One link of the chain as the database holds it, and what is wrong with it by itself. */
import canonicalize from 'canonicalize';
import { sha256 } from '../../base/ids.ts';

/** A seal with its record; the record's columns are null when it is gone. */
export interface Link {
  seq: number;
  history_id: number;
  prev_hash: string;
  hash: string;
  id: number | null;
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

export const linkColumns =
  's.seq, s.history_id, s.prev_hash, s.hash, h.id, h.tenant_id, h.asset_id, h.event_type, h.actor_id, h.actor_label, ' +
  'h.location_id, h.gps_latitude, h.gps_longitude, h.previous_state, h.new_state, h.body, h.checksum, h.created_at, h.updated_at';

/** What was changed in the record, as the end of a sentence; undefined when it is as it was hashed. */
export function editOf(link: Link): string | undefined {
  if (sha256(link.body) !== link.checksum) return 'body or checksum was changed';
  // RFC 8785 fixes the text, so equal columns make an equal body; parsing is for what differs.
  if (bodyText(link) === link.body && link.updated_at === link.created_at) return undefined;
  const changed = changedColumns(link);
  return changed.length === 0 ? undefined : `${changed.join(', ')} ${changed.length > 1 ? 'were' : 'was'} changed`;
}

const text = JSON.stringify;

const bodyText = (link: Link): string =>
  `{"actor":${link.actor_id},"actor_label":${text(link.actor_label)},"asset":${link.asset_id},` +
  `"created_at":${text(link.created_at)},"event_type":${text(link.event_type)},` +
  `"gps_latitude":${text(link.gps_latitude)},"gps_longitude":${text(link.gps_longitude)},` +
  `"location":${link.location_id},"new_state":${link.new_state},"previous_state":${link.previous_state},` +
  `"tenant":${link.tenant_id}}`;

function changedColumns(link: Link): string[] {
  const body = parsed(link.body) as Record<string, unknown>;
  const columns: Record<string, unknown> = {
    tenant_id: link.tenant_id,
    asset_id: link.asset_id,
    event_type: link.event_type,
    actor_id: link.actor_id,
    actor_label: link.actor_label,
    location_id: link.location_id,
    gps_latitude: link.gps_latitude,
    gps_longitude: link.gps_longitude,
    previous_state: parsed(link.previous_state),
    new_state: parsed(link.new_state),
    created_at: link.created_at,
  };
  const differs = (column: string) => canonicalize(columns[column]) !== canonicalize(body[column.replace(/_id$/, '')]);
  const changed = Object.keys(columns).filter(differs);
  // Not in the body: a record is never updated.
  return changed.length > 0 || link.updated_at === link.created_at ? changed : ['updated_at'];
}

/** What is no JSON is nothing that was hashed. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
