import { z } from 'zod';
import { defineResource, type RowOf } from '../../resource/define.ts';
import { flag, optionalText } from '../../resource/fields.ts';

export const presetTypes = ['medical', 'maintenance', 'general'] as const;
/** What a preset makes, in this order: forms and workflows may speak of what stands before. */
export const partNames = ['categories', 'forms', 'templates', 'workflows'] as const;
export type PartName = (typeof partNames)[number];

const maxItems = 500;
const Part = z.array(z.record(z.string(), z.unknown())).max(maxItems).optional();
/** Other keys are kept and mean nothing here. */
export const Config = z.looseObject({ categories: Part, forms: Part, templates: Part, workflows: Part });

export const industryPresets = defineResource({
  name: 'industry preset',
  path: 'industry-presets',
  table: 'industry_presets',
  area: 'other',
  fields: z.object({
    /** Name and config of the shipped preset of this type unless given. */
    name: optionalText(200),
    preset_type: z.enum(presetTypes),
    config: Config.default({}),
    is_active: flag(true),
  }),
  search: ['name'],
  ordering: ['name', 'preset_type'],
  order: 'name',
  filters: ['name', 'preset_type', 'is_active'],
});

export type PresetRow = RowOf<typeof industryPresets>;
