/** Workflows as they are written down, and what became of their runs. */
import { Invalid } from '../../base/errors.ts';
import type { TenantContext } from '../../db/context.ts';
import type { Fields } from '../../resource/define.ts';
import { type Operation, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { raiseVersion } from '../accounts/service.ts';
import { type WorkflowRow, workflowDefinitions, workflowRuns } from './resource.ts';
import { scheduleFaults } from './steps.ts';

export const served = serve(workflowDefinitions, { create, update, remove });
export const servedRuns = serve(workflowRuns, {}, ['list', 'get']);
export const workflowOperations: Operation[] = [...served.operations, ...servedRuns.operations];

async function create(ctx: TenantContext, values: Fields<typeof workflowDefinitions>): Promise<WorkflowRow> {
  checkSchedule(values);
  return triggered(ctx, store.insert(ctx, workflowDefinitions, values));
}

async function update(
  ctx: TenantContext,
  row: WorkflowRow,
  changes: Partial<Fields<typeof workflowDefinitions>>,
): Promise<WorkflowRow> {
  checkSchedule({ ...row, ...changes });
  return triggered(ctx, store.update(ctx, workflowDefinitions, row, changes));
}

function remove(ctx: TenantContext, { id }: WorkflowRow): Promise<void> {
  return triggered(ctx, store.remove(ctx, workflowDefinitions, id));
}

/** Which triggers wait is kept with the permissions. */
async function triggered<T>(ctx: TenantContext, written: Promise<T>): Promise<T> {
  const result = await written;
  await raiseVersion(ctx);
  return result;
}

function checkSchedule({
  trigger_type,
  entry_conditions,
}: Pick<WorkflowRow, 'trigger_type' | 'entry_conditions'>): void {
  if (trigger_type !== 'on_time') return;
  const faults = scheduleFaults(entry_conditions);
  if (Object.keys(faults).length > 0) throw new Invalid({ entry_conditions: faults });
}
