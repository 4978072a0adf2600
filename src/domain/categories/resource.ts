import { z } from 'zod';
import { defineResource } from '../../resource/define.ts';
import { optionalReference, text } from '../../resource/fields.ts';

export const assetCategories = defineResource({
  name: 'asset category',
  path: 'asset-categories',
  table: 'asset_categories',
  area: 'other',
  fields: z.object({ name: text(200), code: text(80), parent: optionalReference() }),
  refs: { parent: { table: 'asset_categories', label: 'Asset category' } },
  tree: 'parent',
  search: ['name', 'code'],
  ordering: ['name', 'code'],
  order: 'name',
  filters: ['code', 'parent'],
});
