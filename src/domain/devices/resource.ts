import { z } from 'zod';
import { defineResource, type RowOf } from '../../resource/define.ts';
import { flag, jsonObject, optionalReference, text } from '../../resource/fields.ts';

export const deviceKinds = ['serial'] as const;

/** Scanners that the daemon itself reads. Kept by the command line; not part of the wire contract. */
export const devices = defineResource({
  name: 'device',
  path: 'devices',
  table: 'devices',
  area: 'accounts',
  fields: z.object({
    name: text(120),
    kind: z.enum(deviceKinds),
    path: text(255),
    location: optionalReference(),
    settings: jsonObject(),
    is_active: flag(true),
  }),
  refs: { location: { table: 'locations', label: 'Location' } },
  search: ['name', 'path'],
  ordering: ['name'],
  order: 'name',
  filters: ['kind', 'is_active'],
});

export type DeviceRow = RowOf<typeof devices>;
