import { z } from 'zod';
import { defineResource } from '../../resource/define.ts';
import { degrees, jsonObject, longText, optionalReference, text } from '../../resource/fields.ts';

export const locations = defineResource({
  name: 'location',
  path: 'locations',
  table: 'locations',
  area: 'other',
  fields: z.object({
    name: text(200),
    code: text(80),
    parent: optionalReference(),
    address: longText(),
    latitude: degrees(90),
    longitude: degrees(180),
    metadata: jsonObject(),
  }),
  refs: { parent: { table: 'locations', label: 'Location' } },
  tree: 'parent',
  search: ['name', 'code', 'address'],
  ordering: ['name', 'code'],
  order: 'name',
  filters: ['code', 'parent'],
});
