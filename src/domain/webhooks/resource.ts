import { z } from 'zod';
import { defineResource, type RowOf } from '../../resource/define.ts';
import { flag, jsonObject, optionalInstant, optionalText, rawText, reference, text } from '../../resource/fields.ts';

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
  }),
  writeOnly: ['secret'],
  readOnly: z.object({ last_delivery_at: optionalInstant() }),
  search: ['name', 'url'],
  ordering: ['name'],
  order: 'name',
  filters: ['name', 'direction', 'is_active'],
});

export const webhookDeliveries = defineResource({
  name: 'webhook delivery',
  path: 'webhook-deliveries',
  table: 'webhook_deliveries',
  area: 'webhooks',
  fields: z.object({}),
  readOnly: z.object({
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
  }),
  refs: { endpoint: { table: 'webhook_endpoints', label: 'Webhook endpoint' } },
  search: ['event_name'],
  ordering: ['status', 'event_name'],
  order: '-created_at',
  filters: ['endpoint', 'status', 'event_name'],
});

export type EndpointRow = RowOf<typeof webhookEndpoints>;
export type DeliveryRow = RowOf<typeof webhookDeliveries>;
