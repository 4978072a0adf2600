/** Every event that is told to webhooks, in the order of the documentation. */
export const eventNames = [
  'asset.created',
  'asset.updated',
  'asset.deleted',
  'asset.status_changed',
  'asset.moved',
  'asset.assigned',
  'scan.created',
  'scan.rejected',
  'inventory_session.opened',
  'inventory_session.closed',
  'inventory_session.reconciled',
  'workflow.succeeded',
  'workflow.failed',
  'batch.generated',
  'batch.printed',
  'maintenance.due',
  'webhook.created',
  'webhook.dead_lettered',
  'printer.attention',
] as const;

export type EventName = (typeof eventNames)[number];

/** Trigger types of workflows by the event that they wait for. */
export const triggerOf: Partial<Record<string, string>> = {
  'scan.created': 'on_scan',
  'scan.rejected': 'on_scan',
  'asset.status_changed': 'on_status_change',
};

/** Whether an endpoint's `events` have that event: none named is every one; `*` and `asset.*` are patterns. */
export const wants = (events: readonly string[], name: string): boolean =>
  events.length === 0 ||
  events.some(
    (event) => event === name || event === '*' || (event.endsWith('.*') && name.startsWith(event.slice(0, -1))),
  );
