import { z } from 'zod';
import { type Definition, defineResource, type RowOf } from '../../resource/define.ts';
import { flag, jsonObject, optionalInstant, optionalText, rawText, reference, text } from '../../resource/fields.ts';
import { OwnHeaders } from './headers.ts';

export const directions = ['inbound', 'outbound'] as const;
/** `failed` is a filter of old clients and never written. */
export const deliveryStatuses = ['pending', 'success', 'dead_letter', 'failed'] as const;

export const webhookEndpoints = defineResource({
  name: 'webhook endpoint',
  path: 'webhooks',
  table: 'webhook_endpoints',
  area: 'webhooks',
  fields: z.object({
    name: text(200),
    direction: z.enum(directions).default('outbound'),
    url: optionalText(2_000),
    /** Never answered, so rows are sent back without: absent, null and empty keep the one there is. */
    secret: z
      .union([z.literal(''), rawText(100_000)], { error: 'Not a valid string.' })
      .nullable()
      .optional(),
    events: z
      .array(text(120))
      .max(200)
      .default([])
      .describe('Names of events, `asset.*` for a group, `*` or none at all for every one'),
    max_attempts: z.int().min(1).max(100).default(5),
    is_active: flag(true),
    /** Deliveries under way at once. */
    max_in_flight: z.int().min(1).max(100).default(4),
    /** Deliveries begun in a second, at most. */
    rate_per_s: z.number().min(0.01).max(1_000).nullable().default(null),
    /** One after the other, in the order of the events; one that fails holds up those behind it. */
    ordered: flag(false),
    /** May hold a key of the receiver, so never answered: absent and null keep those there are. */
    headers: OwnHeaders.nullable().optional(),
  }),
  writeOnly: ['secret', 'headers'],
  readOnly: z.object({ header_names: z.array(z.string()), last_delivery_at: optionalInstant() }),
  search: ['name', 'url'],
  ordering: ['name'],
  order: 'name',
  filters: ['name', 'direction', 'is_active'],
});

const deliveryFields = {
  endpoint: reference(),
  event_name: z.string(),
  payload: jsonObject(),
  response_code: z.int().nullable(),
  response_body: z.string(),
  attempt_count: z.int(),
  next_attempt_at: optionalInstant(),
  last_error: z.string(),
  dead_lettered_at: optionalInstant(),
  delivered_at: optionalInstant(),
  status: z.enum(deliveryStatuses),
};

const delivery = {
  name: 'webhook delivery',
  path: 'webhook-deliveries',
  area: 'webhooks',
  fields: z.object({}),
  refs: { endpoint: { table: 'webhook_endpoints', label: 'Webhook endpoint' } },
  search: ['event_name'],
  ordering: ['status', 'event_name'],
  order: '-created_at',
  filters: ['endpoint', 'status', 'event_name'],
} satisfies Partial<Definition<z.ZodRawShape, z.ZodRawShape>>;

/** As they are stored. */
export const webhookDeliveries = defineResource({
  ...delivery,
  table: 'webhook_deliveries',
  readOnly: z.object(deliveryFields),
});

/** As they are shown: with the body of their event. */
export const shownDeliveries = defineResource({
  ...delivery,
  table: 'shown_webhook_deliveries',
  readOnly: z.object({
    ...deliveryFields,
    /** Why it is not delivered: `timeout`, `dns`, `http_5xx`, …; empty when nothing is wrong. */
    reason: z.string(),
    /** The receiver understood and refused, so that waiting alone will hardly help. */
    flagged: z.boolean(),
  }),
  filters: [...delivery.filters, 'reason', 'flagged'],
});

export const webhookAttempts = defineResource({
  name: 'webhook attempt',
  path: 'webhook-attempts',
  table: 'webhook_attempts',
  area: 'webhooks',
  fields: z.object({}),
  readOnly: z.object({
    delivery: reference(),
    /** How often the delivery was replayed before. */
    round: z.int(),
    attempt: z.int(),
    response_code: z.int().nullable(),
    duration_ms: z.int(),
    reason: z.string(),
    error: z.string(),
    ip: z.string().nullable(),
    response_body: z.string(),
  }),
  refs: { delivery: { table: 'webhook_deliveries', label: 'Webhook delivery' } },
  order: 'id',
  filters: ['round', 'reason'],
});

export type EndpointRow = RowOf<typeof webhookEndpoints>;
export type DeliveryRow = RowOf<typeof shownDeliveries>;
