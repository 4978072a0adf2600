/** Old deliveries go, with their attempts and the events that no delivery is left of; what is pending stays. */
import type { Db } from '../../db/database.ts';
import { pruneRows } from '../../db/prune.ts';

/** Deletes what was delivered or given up, and not touched since that moment. */
export async function prune(db: Db, before: string): Promise<void> {
  const old = "status IN ('success', 'dead_letter') AND updated_at < ?";
  await pruneRows(db, 'webhook_deliveries', old, [before]);
  const told = 'SELECT 1 FROM webhook_deliveries d WHERE d.event_id = outbox_events.id';
  await pruneRows(db, 'outbox_events', `created_at < ? AND NOT EXISTS (${told})`, [before]);
}
