import { z } from 'zod';
import { defineResource, type RowOf } from '../../resource/define.ts';
import { flag, text } from '../../resource/fields.ts';
import { FormSchema, RequiredFields, Rules } from './language.ts';

/** `Asset`, `assets` and `asset` are one target: the name of a resource in snake_case. */
export const targetOf = (name: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[-\s]+/g, '_')
    .replace(/(?<=[^s])s$/, '');

export const formDefinitions = defineResource({
  name: 'form definition',
  path: 'form-definitions',
  table: 'form_definitions',
  area: 'other',
  fields: z.object({
    name: text(200),
    target_model: text(80).overwrite(targetOf),
    schema: FormSchema.default({}),
    required_fields: RequiredFields.default([]),
    validation_rules: Rules.default([]),
    is_active: flag(true),
  }),
  search: ['name', 'target_model'],
  ordering: ['name', 'target_model'],
  order: 'name',
  filters: ['name', 'target_model', 'is_active'],
});

export type FormRow = RowOf<typeof formDefinitions>;
