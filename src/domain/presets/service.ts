/** What sites of one kind begin with. A tenant's presets are rows of its own; the shipped ones fill in what is left out. */
import type { TenantContext } from '../../db/context.ts';
import type { Fields } from '../../resource/define.ts';
import { idOf, type Operation, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { Applied, apply } from './apply.ts';
import { industryPresets, type PresetRow } from './resource.ts';
import { shipped } from './shipped.ts';

export const served = serve(industryPresets, { create, update });

async function create(ctx: TenantContext, values: Fields<typeof industryPresets>): Promise<PresetRow> {
  return store.insert(ctx, industryPresets, completed(values));
}

async function update(
  ctx: TenantContext,
  row: PresetRow,
  changes: Partial<Fields<typeof industryPresets>>,
): Promise<PresetRow> {
  const { name, config } = completed({ ...row, ...changes });
  return store.update(ctx, industryPresets, row, { ...changes, name, config });
}

/** Without a name or a config of its own, it has those of the shipped preset of its type. */
function completed<V extends Pick<PresetRow, 'name' | 'preset_type' | 'config'>>(values: V): V {
  if (values.name !== '' && Object.keys(values.config).length > 0) return values;
  const { name, config } = shipped(values.preset_type);
  return {
    ...values,
    name: values.name || name,
    config: Object.keys(values.config).length > 0 ? values.config : config,
  };
}

export const presetOperations: Operation[] = [
  ...served.operations,
  {
    id: 'industry-presets.apply',
    method: 'POST',
    path: 'industry-presets/:id/apply',
    tag: 'industry-presets',
    summary: "Create what is missing of a preset's categories, forms, label templates and workflows",
    area: 'other',
    action: 'execute',
    kind: 'value',
    status: 200,
    answer: Applied,
    run: (ctx, input) => apply(ctx, idOf(input)),
  },
];
