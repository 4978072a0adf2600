/** Offline sync: an app sends what it captured and gets what it has not seen, in one request that may be repeated. */
import { Forbidden } from '../../base/errors.ts';
import { metrics } from '../../base/metrics.ts';
import type { Context, TenantContext } from '../../db/context.ts';
import { may } from '../../resource/roles.ts';
import { guarded, type Operation } from '../../resource/serve.ts';
import { pull } from './pull.ts';
import { acknowledge, pushEdits, pushScans } from './push.ts';
import { type Answer, bodyLimit, type Request, requestOf, SyncAnswer, SyncBody } from './wire.ts';

export { conflictStates, journalOperations, servedConflicts, servedQuarantine } from './journals.ts';
export { pruneEdits } from './retention.ts';

/** Pulling is a read, open to every role; whoever pushes must be allowed to write. */
export const syncOperation: Operation = {
  id: 'sync',
  method: 'POST',
  path: 'sync',
  tag: 'sync',
  summary: 'Send what was captured offline and get what has changed (docs/MOBILE.md)',
  area: 'assets',
  action: 'view',
  kind: 'value',
  status: 200,
  body: SyncBody,
  bodyLimit,
  answer: SyncAnswer,
  run: (ctx, input) => sync(ctx, input.body),
};

export async function sync(ctx: Context, body: unknown): Promise<Answer> {
  const request = requestOf(body);
  const device = request.device ?? ctx.device;
  return guarded(ctx, 'assets', 'view', async (inside) => {
    checkPush(ctx, request);
    const pushing: TenantContext = { ...inside, device };
    const scanned = await pushScans(pushing, request.scans);
    const edited = await pushEdits(pushing, request.edits);
    const acknowledged = await acknowledge(pushing, request.acknowledgements);
    const results = [...scanned.results, ...edited.results, ...acknowledged.results];
    for (const { list, status } of results) metrics.syncItems.inc({ list, status });
    const { server_time, ...pulled } = await pull(inside, request);
    return {
      server_time,
      accepted_scan_event_ids: scanned.accepted,
      rejected_scan_events: scanned.rejected,
      asset_changes: pulled.asset_changes,
      deleted_asset_ids: pulled.deleted_asset_ids,
      conflicts: edited.conflicts,
      acknowledged_conflicts: acknowledged.ids,
      conflict_strategy: 'last-write-wins-with-history',
      next_cursor: pulled.next_cursor,
      has_more: pulled.has_more,
      reset_required: pulled.reset_required,
      results,
    };
  });
}

/** Before anything is written: a role that may send one list and not another would leave the first half standing. */
function checkPush({ actor }: Context, { scans, edits, acknowledgements }: Request): void {
  const refused =
    (scans.length > 0 && !may(actor, 'assets', 'create')) ||
    (edits.length + acknowledgements.length > 0 && !may(actor, 'assets', 'change'));
  if (refused) throw new Forbidden();
}
