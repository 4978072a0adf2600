/** What Assetra sends by itself: the `webhooks` of the document, an entry for each event. */

import { type EventName, eventNames } from '../../domain/outbox/service.ts';
import { operations } from '../../domain/resources.ts';
import { type Json, nameOf, type Schemas } from './schemas.ts';

interface About {
  /** Names the identity: `asset` is `asset_id`. */
  entity: string;
  /** It may also be about one of these. */
  or?: string;
  summary: string;
  /** It carries what was before and after. */
  changes?: true;
}

const about: Record<EventName, About> = {
  'asset.created': { entity: 'asset', summary: 'An asset was created' },
  'asset.updated': { entity: 'asset', summary: 'Any field of an asset was changed', changes: true },
  'asset.deleted': { entity: 'asset', summary: 'An asset was deleted; `data` is what it was' },
  'asset.status_changed': { entity: 'asset', summary: 'The status of an asset changed', changes: true },
  'asset.moved': { entity: 'asset', summary: 'An asset is somewhere else now', changes: true },
  'asset.assigned': { entity: 'asset', summary: 'An asset was given to someone, or back', changes: true },
  'scan.created': { entity: 'scan_event', summary: 'A code was scanned' },
  'scan.rejected': { entity: 'scan_event', summary: 'A code was scanned that fails its own rules' },
  'inventory_session.opened': { entity: 'inventory_session', summary: 'A stock-take began' },
  'inventory_session.closed': { entity: 'inventory_session', summary: 'A stock-take ended; its outcome stands' },
  'inventory_session.reconciled': { entity: 'inventory_session', summary: 'Records were corrected by a stock-take' },
  'workflow.succeeded': { entity: 'workflow_run', summary: 'A workflow ran' },
  'workflow.failed': { entity: 'workflow_run', summary: 'A workflow failed, and changed nothing' },
  'batch.generated': { entity: 'barcode_batch', summary: 'The labels of a batch are there' },
  'batch.printed': { entity: 'barcode_batch', summary: 'A batch was printed wholly' },
  'maintenance.due': {
    entity: 'maintenance_record',
    or: 'inspection_record',
    summary:
      'Maintenance or an inspection of an asset is due; `maintenance_record_id` or `inspection_record_id` names it',
  },
  'webhook.created': { entity: 'webhook_endpoint', summary: 'An endpoint was made; it is told so itself' },
  'webhook.dead_lettered': { entity: 'webhook_delivery', summary: 'A delivery was given up' },
  'printer.attention': { entity: 'printer', summary: 'A printer waits for someone' },
};

export const webhookObjects = (schemas: Schemas): Json =>
  Object.fromEntries(eventNames.map((name) => [name, { post: objectOf(name, about[name], schemas) }]));

function objectOf(name: EventName, { entity, or, summary, changes }: About, schemas: Schemas): Json {
  const id = `${entity}_id`;
  const data = [entity, ...(or ? [or] : [])].map((one) => dataOf(name, one, schemas));
  const schema = {
    type: 'object',
    required: ['event', ...(or ? [] : [id]), ...always, ...(changes ? ['changes'] : [])],
    properties: {
      event: { const: name },
      [id]: { type: 'integer' },
      ...(or && { [`${or}_id`]: { type: 'integer' } }),
      tenant_id: { type: 'integer' },
      occurred_at: { type: 'string', format: 'date-time' },
      sequence: {
        type: ['integer', 'null'],
        description:
          "The change's number in the tenant, gapless in the order of commits; null where nothing was changed",
      },
      data: data.length > 1 ? { anyOf: data } : data[0],
      ...(changes && { changes: changesSchema }),
    },
  };
  return {
    operationId: `webhook${nameOf(name)}`,
    tags: ['webhooks'],
    summary,
    security: [],
    parameters: headers,
    requestBody: { required: true, content: { 'application/json': { schema } } },
    responses: { '2XX': { description: 'Taken; anything else is tried again' } },
  };
}

const always = ['tenant_id', 'occurred_at', 'sequence', 'data'];

const changesSchema = {
  type: 'object',
  description: 'What was before and after, by field',
  additionalProperties: { type: 'array', minItems: 2, maxItems: 2 },
};

/** The row as its resource answers it; what is no row of a resource is an object. */
function dataOf(name: EventName, entity: string, schemas: Schemas): Json {
  if (name === 'webhook.dead_lettered') return deadLetter;
  const resource = operations.find((operation) => operation.resource?.entity === entity)?.resource;
  return resource ? schemas.answer(nameOf(resource.path), resource.read) : { type: 'object' };
}

const deadLetter = {
  type: 'object',
  required: ['id', 'endpoint', 'endpoint_name', 'event_name', 'reason', 'last_error', 'attempt_count'],
  properties: {
    id: { type: 'integer' },
    endpoint: { type: 'integer' },
    endpoint_name: { type: 'string' },
    event_name: { type: 'string' },
    reason: { type: 'string' },
    last_error: { type: 'string' },
    attempt_count: { type: 'integer' },
    response_code: { type: ['integer', 'null'] },
    dead_lettered_at: { type: 'string', format: 'date-time' },
  },
};

const header = (name: string, description: string, required = true): Json => ({
  name,
  in: 'header',
  required,
  description,
  schema: { type: 'string' },
});

const headers = [
  header('X-Assetra-Event', 'Name of the event'),
  header('X-Assetra-Delivery-Id', 'Constant over retries'),
  header('X-Assetra-Attempt', 'From 1'),
  header('X-Assetra-Timestamp', 'Unix seconds of this attempt'),
  header(
    'X-Assetra-Signature',
    '`sha256=` and hex HMAC-SHA256 of `<timestamp>.<body>` under the secret of the endpoint',
  ),
  header('X-Assetra-Signature-Next', 'The same under the next secret, while one is being rotated in', false),
  header('X-Assetra-Signature-Previous', 'The same under the one before, for a day after it was replaced', false),
  header('webhook-id', 'Of the event: constant over retries, replays and endpoints'),
  header('webhook-timestamp', 'The same as X-Assetra-Timestamp'),
  header('webhook-signature', 'As Standard Webhooks has it, one for each secret, blanks between'),
];
