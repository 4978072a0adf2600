import { z } from 'zod';
import { defineResource, type RowOf } from '../../resource/define.ts';
import { flag, jsonObject, text } from '../../resource/fields.ts';

export const connectorTypes = [
  'google_sheets',
  'excel',
  'zapier',
  'make',
  'power_bi',
  'tableau',
  'grafana',
  'postgresql',
  'mysql',
  'sql_server',
  'oracle',
  'custom',
] as const;

export const integrations = defineResource({
  name: 'integration',
  path: 'integrations',
  table: 'integrations',
  area: 'other',
  fields: z.object({
    name: text(200),
    connector_type: z.enum(connectorTypes),
    config: jsonObject().describe(
      'Values under keys such as password, token or api_key are answered as a mask, such as ••••7K3F9Q2M; a mask that is sent back keeps the secret',
    ),
    is_active: flag(true),
  }),
  search: ['name'],
  ordering: ['name', 'connector_type'],
  order: 'name',
  filters: ['name', 'connector_type', 'is_active'],
});

export type IntegrationRow = RowOf<typeof integrations>;
